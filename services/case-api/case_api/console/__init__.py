"""The console: server-rendered pages for ops and auditors, in Chinese and English; they need no script."""
