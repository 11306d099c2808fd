"""What Salesforce says when it refuses a statement, and where."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.localorg.soql.refusals import located

COLUMN = (
    "No such column 'Body' on entity 'Lead'. If you are attempting to use a custom field, be sure "
    "to append the '__c' after the custom field name. Please reference your WSDL or the describe "
    "call for the appropriate names."
)


def test_an_unknown_field_has_its_place(org: Any) -> None:
    refused = org.refusal("Select Id, Status, Country, Body from Lead")
    assert refused.code == "INVALID_FIELD"
    assert refused.message == (
        "\nSelect Id, Status, Country, Body from Lead\n"
        "                            ^\n"
        f"ERROR at Row:1:Column:29\n{COLUMN}"
    )


def test_an_unknown_object_has_its_place(org: Any) -> None:
    refused = org.refusal("Select Id, vlocity_cmt__GlobalKey__c from vlocity_cmt____Group__c")
    assert refused.code == "INVALID_TYPE"
    assert refused.message.startswith(
        "\nvlocity_cmt__GlobalKey__c from vlocity_cmt____Group__c\n"
        "                               ^\n"
        "ERROR at Row:1:Column:43\n"
        "sObject type 'vlocity_cmt____Group__c' is not supported. If you are attempting to use a "
        "custom object, be sure to append the '__c' after the entity name."
    )


def test_the_row_of_a_place() -> None:
    message = located("SELECT Id,\n  Nme\nFROM Account", 13, "No.")
    assert message == "\n  Nme\n  ^\nERROR at Row:2:Column:3\nNo."


REFUSED = [
    ("SELECT Nme FROM Account", "INVALID_FIELD", "No such column 'Nme' on entity 'Account'"),
    ("SELECT Owner.Nme FROM Account", "INVALID_FIELD", "No such column 'Nme' on entity 'User'"),
    ("SELECT Who.Nme FROM Task", "INVALID_FIELD", "No such column 'Nme' on entity 'Name'"),
    ("SELECT Id FROM Account WHERE Nme = 1", "INVALID_FIELD", "No such column 'Nme'"),
    ("SELECT Id FROM Account ORDER BY Nme", "INVALID_FIELD", "No such column 'Nme'"),
    ("SELECT Ownr.Name FROM Account", "INVALID_FIELD",
     "Didn't understand relationship 'Ownr' in field path."),
    ("SELECT (SELECT Id FROM Kontacts) FROM Account", "INVALID_TYPE",
     "Didn't understand relationship 'Kontacts' in FROM part of query call."),
    ("SELECT Id, Name, id FROM Account", "INVALID_FIELD", "duplicate field selected: Id"),
    ("SELECT Id, Owner.Name, OWNER.NAME FROM Account", "INVALID_FIELD",
     "duplicate field selected: Owner.Name"),
    ("SELECT Name n FROM Account", "MALFORMED_QUERY",
     "only aggregate expressions use field aliasing"),
    ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD",
     "field 'Description' can not be filtered in a query call"),
    ("SELECT Id FROM Account WHERE BillingAddress = 'x'", "INVALID_FIELD",
     "field 'BillingAddress' can not be filtered in a query call"),
    ("SELECT Id FROM Account ORDER BY Description", "INVALID_FIELD",
     "field 'Description' can not be sorted in a query call"),
    ("SELECT Id FROM Trap__c ORDER BY Multi__c", "INVALID_FIELD",
     "field 'Multi__c' can not be sorted in a query call"),
    ("SELECT COUNT(Id) FROM Account GROUP BY AnnualRevenue", "INVALID_FIELD",
     "field 'AnnualRevenue' can not be grouped in a query call"),
    ("SELECT Id FROM Account WHERE CreatedDate > 2005-10-08", "INVALID_FIELD",
     "value of filter criterion for field 'CreatedDate' must be of type dateTime"),
    ("SELECT Id FROM Opportunity WHERE CloseDate > 2005-10-08T00:00:00Z", "INVALID_FIELD",
     "value of filter criterion for field 'CloseDate' must be of type date"),
    ("SELECT Id FROM Opportunity WHERE CloseDate = '2005-10-08'", "INVALID_FIELD",
     "must be of type date and should not be enclosed in quotes"),
    ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD",
     "must be of type string and should be enclosed in quotes"),
    ("SELECT Id FROM Account WHERE IsDeleted = 'true'", "INVALID_FIELD",
     "must be of type boolean and should not be enclosed in quotes"),
    ("SELECT Id FROM Account WHERE AnnualRevenue IN (1, '2')", "INVALID_FIELD",
     "must be of type double and should not be enclosed in quotes"),
    ("SELECT Id FROM Account WHERE NumberOfEmployees = true", "INVALID_FIELD",
     "must be of type int"),
    ("SELECT Id FROM Account WHERE NumberOfEmployees > USD5", "INVALID_FIELD",
     "must be of type int"),
    ("SELECT Id FROM Account WHERE AnnualRevenue > XXX5", "INVALID_FIELD",
     "Invalid currency: XXX"),
    ("SELECT Id FROM Account WHERE Id LIKE '001%'", "INVALID_FIELD",
     "invalid operator on id field"),
    ("SELECT Id FROM Account WHERE NumberOfEmployees LIKE '1%'", "INVALID_FIELD",
     "invalid operator on int field"),
    ("SELECT Id FROM Account WHERE IsDeleted > true", "INVALID_FIELD",
     "invalid operator on boolean field"),
    ("SELECT Id FROM Account WHERE Name INCLUDES ('a')", "INVALID_FIELD",
     "invalid operator on string field"),
    ("SELECT Id FROM Trap__c WHERE Multi__c LIKE 'a%'", "INVALID_FIELD",
     "invalid operator on multipicklist field"),
    ("SELECT Id FROM Trap__c WHERE DISTANCE(Place__c, GEOLOCATION(1,1), 'mi') = 5",
     "INVALID_FIELD", "invalid operator on double field"),
    ("SELECT Id FROM Trap__c WHERE DISTANCE(Place__c, GEOLOCATION(1,1), 'ft') < 5",
     "MALFORMED_QUERY", "Invalid distance unit: ft"),
    ("SELECT Id FROM Account WHERE convertCurrency(AnnualRevenue) > 5", "MALFORMED_QUERY",
     "CONVERTCURRENCY is not allowed in WHERE"),
    ("SELECT convertCurrency(Name) FROM Account", "INVALID_FIELD", "which is not a currency"),
    ("SELECT Id FROM Account WHERE HOUR_IN_DAY(LastActivityDate) = 5", "INVALID_FIELD",
     "HOUR_IN_DAY cannot be used on field LastActivityDate of type date"),
    ("SELECT Id FROM Account LIMIT -1", "MALFORMED_QUERY", "LIMIT cannot be negative"),
    ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE",
     "Maximum SOQL offset allowed is 2000"),
    ("SELECT Id, (SELECT Id FROM Contacts OFFSET 1) FROM Account", "MALFORMED_QUERY",
     "OFFSET in a child subquery needs LIMIT 1"),
    ("SELECT FIELDS(ALL) FROM Account LIMIT 201", "MALFORMED_QUERY", "LIMIT of at most 200"),
    ("SELECT FIELDS(CUSTOM) FROM Profile LIMIT 1", "MALFORMED_QUERY",
     "must result in at least one field being selected."),
    ("SELECT Id FROM Account WITH DATA CATEGORY a__c AT b__c", "MALFORMED_QUERY", "WITH filters"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "message"), REFUSED)
def test_refused(empty: Any, text: str, code: str, message: str) -> None:
    refused = empty.refusal(text)
    assert refused.code == code
    assert message in refused.message


SYNTAX = [
    ("", "<EOF>"),
    ("SELECT", "<EOF>"),
    ("SELECT Id FROM Account WHERE Name IS NULL", "IS"),
    ("SELECT Id FROM Account WHERE a='x' AND b='y' OR c='z'", "OR"),
    ("SELECT Id FROM Account WHERE NOT a='x' AND b='y'", "AND"),
    ("SELECT Id FROM Account WHERE Name = 'x", "<EOF>"),
    ('SELECT Id FROM Account WHERE Name = "x"', '"'),
    ("SELECT Id FROM Account WHERE Name < null", "null"),
    ("SELECT Id FROM Account /* note */", "/"),
    ("SELECT Id FROM Account; SELECT Id FROM Contact", "SELECT"),
    ("DELETE FROM Account", "DELETE"),
]


@pytest.mark.parametrize(("text", "token"), SYNTAX)
def test_syntax(empty: Any, text: str, token: str) -> None:
    refused = empty.refusal(text)
    assert (refused.code, refused.message) == ("MALFORMED_QUERY", f"unexpected token: '{token}'")


def test_limits_of_size(org: Any) -> None:
    long = "x" * 4001
    assert "4000" in org.refusal(f"SELECT Id FROM Account WHERE Name = '{long}'").message
    assert org.ask(f"SELECT Id FROM Account WHERE Name = '{long[:4000]}'") == []
    text = "SELECT Id FROM Account WHERE Name IN ('" + "','".join(["x" * 99] * 1000) + "')"
    refused = org.refusal(text)
    assert refused.code == "MALFORMED_QUERY" and "100000 characters" in refused.message
    many = "SELECT Id" + ", (SELECT Id FROM Contacts)" * 21 + " FROM Account"
    assert "at most 20 child subqueries" in org.refusal(many).message
    deep = "(" * 5000 + "Name = 'x'" + ")" * 5000
    assert "nested too deeply" in org.refusal(f"SELECT Id FROM Account WHERE {deep}").message


def test_fields_of_a_kind(org: Any) -> None:
    account = org.add("Account", Name="A")
    standard = org.ask("SELECT FIELDS(STANDARD) FROM Account")[0]
    custom = org.ask(f"SELECT FIELDS(CUSTOM) FROM Account WHERE Id IN ('{account}')")[0]
    everything = org.ask(f"SELECT FIELDS(ALL) FROM Account WHERE Id = '{account}'")[0]
    assert "Name" in standard and "External_Id__c" in custom
    assert set(standard) | set(custom) == set(everything)
    assert not set(standard) & set(custom)
    assert org.refusal("SELECT FIELDS(STANDARD) FROM Account", api_version=50.0)
