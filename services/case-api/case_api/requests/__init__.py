"""What comes in with a request: headers, parameters, bodies and files, read with every fault named."""
