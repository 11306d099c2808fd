"""Demo rows of the org itself, its users, profiles, record types, products and price books."""

from __future__ import annotations

from isthmus.localorg import ids
from isthmus.localorg.demo import words
from isthmus.localorg.demo.sales import place, slug
from isthmus.localorg.demo.spec import Spec, World, audit_draws, standard
from isthmus.localorg.demo.sqltext import choose, first_rows

ORG_ID = ids.make("00D", 1)
ADMIN_ID = ids.make("005", 1)
ADMIN_USERNAME = "admin@demo.example"
_PROFILES = ("System Administrator", "Standard User", "Read Only", "Contract Manager")
_ROLES = ("CEO", "VP Sales", "Sales EMEA", "Sales Americas", "Support")
_ZONES = ("America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo", "Europe/Istanbul", "GMT")
_LOCALES = ("en_US", "de_DE", "ja_JP", "tr_TR", "en_GB")
_LANGUAGES = ("en_US", "de", "ja", "tr", "en_US")
_MONEY = ("USD", "EUR", "JPY", "TRY", "GBP")


def organization(world: World) -> Spec:
    """Describe Organization: the one row that says which org this is."""
    columns = {
        "Name": "'Isthmus Local Org'",
        "Country": "'US'",
        "PrimaryContact": "'Demo Admin'",
        "DefaultLocaleSidKey": "'en_US'",
        "TimeZoneSidKey": "'America/Los_Angeles'",
        "LanguageLocaleKey": "'en_US'",
        "FiscalYearStartMonth": "1",
        "OrganizationType": "'Developer Edition'",
        "InstanceName": "'CS00'",
        "IsSandbox": "true",
        "UiSkin": "'Theme3'",
        "DefaultAccountAccess": "'Edit'",
        "SignupCountryIsoCode": "'US'",
        "MonthlyPageViewsUsed": "0",
        "MonthlyPageViewsEntitlement": "0",
        "CurrencyIsoCode": "'USD'",
    }
    return standard(world, "Organization", columns)


def user(world: World) -> Spec:
    """Describe User: the first is the administrator who logs in; zones and locales differ."""
    dice = world.dice("User")
    first, last = dice.pick("first", words.FIRST_NAMES), dice.pick("last", words.LAST_NAMES)
    home = f"CASE WHEN n = 0 THEN 0 ELSE {dice.below('home', len(_ZONES))} END"
    draws = {
        "first_name": f"CASE WHEN n = 0 THEN 'Demo' ELSE {first} END",
        "last_name": f"CASE WHEN n = 0 THEN 'Admin' ELSE {last} END",
        "home": home,
        "login": f"CASE WHEN n = 0 THEN '{ADMIN_USERNAME}'"
        " ELSE 'user' || (n + 1) || '@demo.example' END",
    }
    columns = {
        "Username": "login",
        "Email": "login",
        "FirstName": "first_name",
        "LastName": "last_name",
        "Name": "first_name || ' ' || last_name",
        "Alias": "format('u{:05d}', n + 1)",
        "CommunityNickname": "format('user{:05d}', n + 1)",
        "Title": dice.sometimes("title", 70, dice.pick("title", words.TITLES)),
        "Department": dice.sometimes("dept", 60, "'Sales'"),
        **place(dice, "", 60),
        "IsActive": "n = 0 OR n % 10 <> 9",
        "TimeZoneSidKey": choose("home", _ZONES),
        "LocaleSidKey": choose("home", _LOCALES),
        "LanguageLocaleKey": choose("home", _LANGUAGES),
        "CurrencyIsoCode": "'USD'",
        "DefaultCurrencyIsoCode": choose("home", _MONEY),
        "EmailEncodingKey": "'UTF-8'",
        "UserType": "'Standard'",
        "ProfileId": f"CASE WHEN n = 0 THEN {world.id('Profile', '0')}"
        f" ELSE {world.id('Profile', 'n % 4')} END",
        "UserRoleId": dice.sometimes("role", 80, world.id("UserRole", "n % 5")),
        "ManagerId": "CASE WHEN n > 0 THEN " + world.id("User", "n // 4") + " END",
        "EmployeeNumber": "format('{:05d}', n + 1)",
        "FederationIdentifier": "CASE WHEN n % 3 = 1 THEN 'Fed' || chr((65 + n % 26)::INT)"
        " || n WHEN n % 3 = 2 THEN 'fed' || chr((97 + (n - 1) % 26)::INT) || (n - 1) END",
        "LastLoginDate": dice.sometimes("login", 80, "stamp"),
        "IsDeleted": "false",
    }
    return standard(world, "User", columns, draws)


def profile(world: World) -> Spec:
    """Describe Profile."""
    columns = {"Name": choose("n", _PROFILES), "UserType": "'Standard'", "IsDeleted": "false"}
    return standard(world, "Profile", columns)


def role(world: World) -> Spec:
    """Describe UserRole."""
    columns = {
        "Name": choose("n", _ROLES),
        "DeveloperName": f"replace({choose('n', _ROLES)}, ' ', '_')",
        "ParentRoleId": "CASE WHEN n > 0 THEN " + world.id("UserRole", "0") + " END",
        "IsDeleted": "false",
    }
    return standard(world, "UserRole", columns)


def record_type(world: World) -> Spec:
    """Describe RecordType: those that the describes name, less the nameless Master."""
    found = [
        (info["recordTypeId"], info["name"], info["developerName"], sobject.name)
        for sobject in world.schema.objects
        for info in sobject.raw.get("recordTypeInfos") or ()
        if not info["master"] and info["recordTypeId"]
    ]
    rows = len(found)
    columns = {
        "Id": choose("n", [row[0] for row in found]),
        "Name": choose("n", [row[1] for row in found]),
        "DeveloperName": choose("n", [row[2] for row in found]),
        "SobjectType": choose("n", [row[3] for row in found]),
        "IsActive": "true",
        "CreatedDate": "created",
        "CreatedById": f"'{ADMIN_ID}'",
        "LastModifiedDate": "created",
        "LastModifiedById": f"'{ADMIN_ID}'",
        "SystemModstamp": "created",
        "IsDeleted": "false",
    }
    return Spec(rows, columns, audit_draws(world, world.dice("RecordType"), max(1, rows)))


def product(world: World) -> Spec:
    """Describe Product2."""
    dice = world.dice("Product2")
    title = f"{dice.pick('stem', words.STEMS)} || ' ' || {dice.pick('what', words.PRODUCTS)}"
    columns = {
        "Name": first_rows(words.TRAP_TEXTS[5:15], title),
        "ProductCode": "format('P-{:04d}', n + 1)",
        "Description": dice.sometimes("notes", 50, title),
        "IsActive": dice.chance("live", 85),
        "Family": dice.sometimes(
            "family", 80, dice.pick("family", world.values("Product2", "Family"))
        ),
        "DisplayUrl": dice.sometimes("url", 30, f"'https://shop.example/' || {slug(title)}"),
        "QuantityUnitOfMeasure": "'Each'",
        "StockKeepingUnit": "format('SKU-{:06d}', n + 1)",
        "CurrencyIsoCode": "'USD'",
    }
    return standard(world, "Product2", columns)


def pricebook(world: World) -> Spec:
    """Describe Pricebook2: the standard one and one for partners."""
    columns = {
        "Name": choose("n", ("Standard Price Book", "Partner Price Book")),
        "IsActive": "true",
        "IsStandard": "n = 0",
        "IsDeleted": "false",
    }
    return standard(world, "Pricebook2", columns)


def pricebook_entry(world: World) -> Spec:
    """Describe PricebookEntry: each product in both books."""
    dice = world.dice("PricebookEntry")
    products = world.rows("Product2")
    draws = {"item": f"n % {products}", "book": f"least(1, n // {products})"}
    columns = {
        "Name": "'Entry ' || format('P-{:04d}', item + 1)",
        "Pricebook2Id": world.id("Pricebook2", "book"),
        "Product2Id": world.id("Product2", "item"),
        "ProductCode": "format('P-{:04d}', item + 1)",
        "UnitPrice": f"{dice.below('price', 500000)}::DECIMAL(18,2) / 100",
        "IsActive": "true",
        "UseStandardPrice": "false",
        "CurrencyIsoCode": "'USD'",
    }
    return standard(world, "PricebookEntry", columns, draws)
