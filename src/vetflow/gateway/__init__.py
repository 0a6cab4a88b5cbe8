"""The long-running services between the clinic's network and the flows: receive, sort, complete, watch, deliver."""
