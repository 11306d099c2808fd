"""What the org computes: SQL expressions over the columns of the same row, by formula field."""

from __future__ import annotations

FORMULAS: dict[str, dict[str, str]] = {
    "Trap__c": {
        "Formula_Number__c": 'CAST("Number_16_2__c" * 2 AS DECIMAL(18,2))',
        "Formula_Text__c": "'#' || coalesce(\"Text__c\", '')",
    }
}
