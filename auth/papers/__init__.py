"""What an applicant hands in besides the request: papers, papers that may follow later (容缺), and signed commitments instead (告知承诺)."""
