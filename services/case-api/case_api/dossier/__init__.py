"""The dossier of a case: one file that a third party can check, and the page people print."""
