"""Registration 登记 of data resources in authorised operation: acts, formal review, public notice, code, validity (R13, R15, R16)."""
