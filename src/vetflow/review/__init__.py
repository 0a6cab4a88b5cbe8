"""What a veterinarian does to a case that is done; each act makes a new report that names the one before."""

from vetflow.review.acts import Act, accept, decide, reject, sign

__all__ = ["Act", "accept", "decide", "reject", "sign"]
