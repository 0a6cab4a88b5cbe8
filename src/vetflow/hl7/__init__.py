"""HL7 v2 as pure translation: values in, bytes out, and back; no sockets."""
