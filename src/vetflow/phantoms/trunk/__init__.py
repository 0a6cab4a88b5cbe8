"""Radiographs of synthetic trunks, thorax to pelvis, with every landmark known; needs the ``train`` extra.

Built in the *straight frame*: x runs along the vertebral bodies, cranial positive, 0 at the cranial edge of T1; y is
left, z dorsal of the bodies' centres; millimetres. `spine.Spine.bent` then lays everything along the curved spine.
Lengths in proportion to the animal are given in *units*: one unit is the mean length of T4 to T8, each with its disc.
"""
