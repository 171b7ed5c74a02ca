"""What a spectrum determines of a force field: ranks, certificates, families, the survey and the claims ledger."""
