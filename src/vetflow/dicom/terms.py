"""Words that coded strings may say, by keyword; anything else in them is free text in the wrong place."""

from collections.abc import Mapping

_GENERAL: Mapping[str, str] = {
    "AnatomicalOrientationType": "BIPED|QUADRUPED",
    "BurnedInAnnotation": "YES|NO",
    "ConversionType": "DV|DI|DF|WSD|SD|SI|DRW|SYN",
    "ImageLaterality": "[RLUB]",
    "ImageType": "ORIGINAL|DERIVED|PRIMARY|SECONDARY|AXIAL|LOCALIZER|REFORMATTED|AVERAGE|OTHER|VOLUME|NONE|MPR|MIP|"
    "HELIX|CT_SOM5 SPI",
    "Laterality": "[RL]",
    "DeviceSerialNumber": "REMOVED",
    "Manufacturer": "vetflow|REMOVED",
    "ManufacturerModelName": "REMOVED",
    "Modality": "DX|CR|DR|CT|MR|US|MG|RF|XA|PX|IO|NM|PT|OT|SC|SR|PR|KO|SEG|ES|XC|GM|SM|ECG|DOC|REG|FID|RTDOSE|RTIMAGE|"
    "RTPLAN|RTSTRUCT",
    "PatientOrientation": "(LE|RT|CR|CD|PR|DI|PA|PL|[DVRLMAPHF]){1,3}",
    "PatientPosition": "[HF]F(S|P|D[RL])|[LRAP]F(P|S|DR|DL)",
    "PatientSex": "[MFO]",
    "PatientSexNeutered": "ALTERED|UNALTERED",
    "PresentationIntentType": "FOR PRESENTATION|FOR PROCESSING",
    "QualityControlImage": "YES|NO|BOTH",
    "RecognizableVisualFeatures": "YES|NO",
    "SoftwareVersions": "REMOVED",
    "TimezoneOffsetFromUTC": r"[+-](0\d|1[0-4])[0-5]\d",
    "ViewPosition": "AP|PA|LL|RL|LAT|LATERAL|[LR]LAT|(LEFT|RIGHT) LATERAL|VD|DV|RTLEL|LERTL|ML|LM|CRCD|CDCR|DPA|DPL|"
    "PAD|PLD|RCD|CDR|PRDI|DIPR|RLD|LLD|RLO|LLO|SKYLINE|OBLIQUE",
}
_PIXELS: Mapping[str, str] = {
    "CalibrationImage": "YES|NO",
    "LossyImageCompression": "00|01",
    "LossyImageCompressionMethod": r"ISO_\d{5}(_\d{1,2})?",
    "PhotometricInterpretation": r"MONOCHROME[12]|PALETTE COLOR|RGB|YBR_(FULL(_422)?|PARTIAL_42[02]|ICT|RCT)",
    "PixelIntensityRelationship": "LIN|LOG|OTHER",
    "PixelPresentation": "COLOR|MONOCHROME|MIXED|TRUE_COLOR",
    "PixelSpacingCalibrationType": "GEOMETRY|FIDUCIAL",
    "PresentationLUTShape": "IDENTITY|INVERSE",
    "RescaleType": "US|HU|OD|LOG_E REL|UNSPECIFIED",
    "VOILUTFunction": "LINEAR|LINEAR_EXACT|SIGMOID",
}
_EQUIPMENT: Mapping[str, str] = {
    "CollimatorShape": "RECTANGULAR|CIRCULAR|POLYGONAL",
    "ConvolutionKernel": r"STANDARD|SOFT|BONE|BONEPLUS|LUNG|DETAIL|EDGE|CHST|[BHUTDIJ][a-z]?\d{2}[fhmsu]?",
    "DetectorType": "DIRECT|SCINTILLATOR|STORAGE|FILM",
    "Grid": "FIXED|FOCUSED|RECIPROCATING|PARALLEL|CROSSED|NONE|IN|OUT",
    "MRAcquisitionType": "[23]D",
    "PositionerType": "NONE|CARM|COLUMN|PANORAMIC|CEPHALOSTAT|RIGID|RAIL|TABLE",
    "RotationDirection": "CW|CC",
    "ScanningSequence": "SE|IR|GR|EP|RM",
    "SequenceVariant": "SK|MTC|SS|TRSS|SP|MP|OSP|NONE",
}
_DOCUMENTS: Mapping[str, str] = {
    "CompletionFlag": "PARTIAL|COMPLETE",
    "ContinuityOfContent": "SEPARATE|CONTINUOUS",
    "MappingResource": "DCMR|SDM",
    "PixelOriginInterpretation": "FRAME|VOLUME",
    "PreliminaryFlag": "PRELIMINARY|FINAL",
    "RelationshipType": "CONTAINS|HAS OBS CONTEXT|HAS ACQ CONTEXT|HAS CONCEPT MOD|HAS PROPERTIES|INFERRED FROM|"
    "SELECTED FROM",
    "TemplateIdentifier": r"\d{1,5}",
    "TemporalRangeType": "POINT|MULTIPOINT|SEGMENT|MULTISEGMENT|BEGIN|END",
    "ValueType": "TEXT|NUM|CODE|DATE|TIME|DATETIME|UIDREF|PNAME|COMPOSITE|IMAGE|WAVEFORM|SCOORD|SCOORD3D|TCOORD|"
    "CONTAINER|TABLE",
    "VerificationFlag": "UNVERIFIED|VERIFIED",
}
_GRAPHICS: Mapping[str, str] = {
    "AnchorPointAnnotationUnits": "PIXEL|DISPLAY|MATRIX",
    "AnchorPointVisibility": "[YN]",
    "BoundingBoxAnnotationUnits": "PIXEL|DISPLAY|MATRIX",
    "BoundingBoxTextHorizontalJustification": "LEFT|RIGHT|CENTER",
    "GraphicAnnotationUnits": "PIXEL|DISPLAY|MATRIX",
    "GraphicFilled": "[YN]",
    "GraphicType": "POINT|POLYLINE|INTERPOLATED|CIRCLE|ELLIPSE|MULTIPOINT|POLYGON|ELLIPSOID",
    "ImageHorizontalFlip": "[YN]",
    "PresentationSizeMode": "SCALE TO FIT|TRUE SIZE|MAGNIFY",
}
_MULTIFRAME: Mapping[str, str] = {
    "ComplexImageComponent": "MAGNITUDE|PHASE|REAL|IMAGINARY|MIXED",
    "ContentQualification": "PRODUCT|RESEARCH|SERVICE",
    "DimensionOrganizationType": "3D|3D_TEMPORAL|TILED_FULL|TILED_SPARSE",
    "FrameType": "ORIGINAL|DERIVED|PRIMARY|SECONDARY|MIXED|AXIAL|VOLUME|NONE|OTHER",
    "SegmentAlgorithmType": "AUTOMATIC|SEMIAUTOMATIC|MANUAL",
    "SegmentationFractionalType": "PROBABILITY|OCCUPANCY",
    "SegmentationType": "BINARY|FRACTIONAL|LABELMAP",
    "SegmentsOverlap": "YES|NO|UNDEFINED",
    "VolumeBasedCalculationTechnique": "NONE|MAX_IP|MIN_IP|VOLUME_RENDER|SURFACE_RENDER|MPR|CURVED_MPR|MIXED",
    "VolumetricProperties": "VOLUME|SAMPLED|DISTORTED|MIXED",
}
_MARKS: Mapping[str, str] = {
    "DeidentificationMethod": r"vetflow \d{1,3}|[0-9a-f]{16}",
    "LongitudinalTemporalInformationModified": "UNMODIFIED|MODIFIED|REMOVED",
    "PatientIdentityRemoved": "YES|NO",
}
TERMS: Mapping[str, str] = {
    **_GENERAL, **_PIXELS, **_EQUIPMENT, **_DOCUMENTS, **_GRAPHICS, **_MULTIFRAME, **_MARKS
}  # fmt: skip
"""Patterns that a whole value must match (PS3.3; ViewPosition also as clinics write it)."""

INSTEAD: Mapping[str, str] = {
    "ImageLaterality": "U", "Modality": "OT", "RescaleType": "US", "SegmentLabel": "REMOVED",
}  # fmt: skip
"""Words for not knowing, where empty is not allowed."""
