SELECT * FROM attempt WHERE claim_key = ?1;
