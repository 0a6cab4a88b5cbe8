"""What people and monitors reach over HTTP."""
