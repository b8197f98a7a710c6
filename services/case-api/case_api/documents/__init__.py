"""What is said about the API: OpenAPI, AsyncAPI, the pages of problems, and worked examples of everything."""
