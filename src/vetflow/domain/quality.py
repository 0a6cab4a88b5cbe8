"""What is said of films themselves, as codes."""

from vetflow.domain.coding import Code, own

SERVICE = own("positioning", "Positioning and tags of a radiograph")
ADVICE = own("advice", "Advice to the technologist")
"""Present when the film should be taken again."""
VIEW_MISMATCH = own("view-mismatch", "View differs between tags or from the picture")
REGION_MISMATCH = own("region-mismatch", "Body part differs between tags or from the picture")
SPECIES_MISMATCH = own("species-mismatch", "Species differs between tags")
EXPOSURE = own("exposure", "Exposure out of range")
FIELD = own("collimation", "Body not inside the collimated field")
LIMBS = own("limbs-over", "Limbs over the region of interest")
INVERSION = own("inversion", "Greyscale inverted against the tag")
ROTATION = own("rotation", "Rotated about the long axis")
"""On VD and DV films its side is the one that the breastbone has turned to."""
BREATH = own("breath", "Exposed in the wrong phase of breathing")

POSITIONING = Code(value="111209", scheme="DCM", meaning="Positioning")
MOTION = Code(value="111210", scheme="DCM", meaning="Motion blur")
UNDER_EXPOSED = Code(value="111211", scheme="DCM", meaning="Under exposed")
OVER_EXPOSED = Code(value="111212", scheme="DCM", meaning="Over exposed")
PROCESSING = Code(value="111219", scheme="DCM", meaning="Inappropriate image processing")
OTHER = Code(value="111220", scheme="DCM", meaning="Other failure")
"""Reasons of CID 7011; motion is a finding too."""

DEVIATION_INDEX = own("deviation-index", "Deviation index (IEC 62494-1)")
UNITLESS = Code(value="1", scheme="UCUM", meaning="no units")
ROTATION_ANGLE = own("rotation-angle", "Rotation about the long axis")
DEGREES = Code(value="deg", scheme="UCUM", meaning="degrees")
