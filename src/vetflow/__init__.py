"""AI in veterinary radiology that stays out of the way: receive, judge, report, deliver."""
