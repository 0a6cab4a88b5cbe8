"""Draft reports in words: templates and tables as data, and what renders them."""
