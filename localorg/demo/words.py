"""Words the demo data is made of, and texts that careless code gets wrong."""

from __future__ import annotations

# ruff: noqa: RUF001 (letters that look like others are the point)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


STEMS = _words(
    "Acorn|Alder|Alpine|Amber|Apex|Arctic|Aurora|Baltic|Beacon|Birch|Blue Harbour|Bright|Cascade|"
    "Cedar|Cobalt|Copper|Coral|Crescent|Delta|Dynamo|Eagle|Echo|Ember|Evergreen|Falcon|Fjord|Forge|"
    "Frontier|Galaxy|Garnet|Glacier|Golden Gate|Granite|Harbor|Hawthorn|Helix|Horizon|Indigo|Ivory|"
    "Jade|Juniper|Keystone|Kestrel|Lakeside|Lantern|Larkspur|Lighthouse|Linden|Lotus|Lumen|Magnolia|"
    "Maple|Marble|Meridian|Monarch|Nordic|Nova|Oak|Onyx|Orchard|Orion|Osprey|Pacific|Pearl|Pinnacle|"
    "Pioneer|Polaris|Quartz|Raven|Redwood|Ridge|Riverside|Sable|Sequoia|Silver|Solstice|Summit|"
    "Terra|Timber|Trident|Umber|Vanguard|Vertex|Violet|Westwind|Willow|Zenith|Zephyr"
)
TRADES = _words(
    "Analytics|Apparel|Automotive|Bank|Biotech|Capital|Chemicals|Construction|Consulting|Dairy|"
    "Electronics|Energy|Foods|Freight|Furniture|Health|Hotels|Instruments|Insurance|Logistics|"
    "Machinery|Media|Motors|Networks|Optics|Paper|Pharma|Power|Robotics|Software|Solar|Steel|"
    "Systems|Telecom|Textiles|Tools|Toys|Travel|Water|Wines"
)
FORMS = ("Inc.", "Ltd", "GmbH", "AG", "AB", "S.A.", "K.K.", "LLC", "B.V.", "A.Ş.", "plc", "& Co.")
FIRST_NAMES = _words(
    "Ada|Ahmet|Akira|Anna|Åsa|Björn|Carlos|Chloé|Dmitri|Elif|Emma|Fatima|François|Grace|Hans|Ingrid|"
    "İlker|Jack|Jörg|Kenji|Lena|Liam|María|Mehmet|Mia|Noah|Olivia|Øyvind|Pedro|Priya|Renée|Sofia|"
    "Søren|Thomas|Ümit|Viktor|Wei|Yuki|Zoë|Zsófia"
)
LAST_NAMES = _words(
    "Andersson|Bauer|Brown|Çelik|Dubois|Eriksson|Fischer|García|Huber|Ivanov|Jensen|Johnson|Kaya|"
    "Kim|Kowalski|Lefèvre|Lindström|López|Martin|Müller|Nakamura|Nguyen|O'Brien|O'Neill|Öztürk|Patel|"
    "Peña|Rossi|Sato|Schäfer|Schmidt|Silva|Smith|Şahin|Tanaka|van der Berg|Weiß|Wilson|Yıldız|Zhang"
)
TITLES = _words(
    "CEO|CFO|CIO|Buyer|Head of Procurement|IT Manager|VP Sales|VP, Operations|Plant Manager|"
    "Director, R&D|Assistant|Engineer"
)
PRODUCTS = _words(
    "Platform Licence|Support Plan|Rollout|Sensor Kit|Gateway|Training|Pilot|Renewal|Expansion|"
    "Data Migration|Spare Parts|Maintenance"
)
SUBJECTS = ("Call", "Email", "Meeting", "Send Letter/Quote", "Other")
CASE_SUBJECTS = _words(
    "Does not start|Display stays dark|Invoice is wrong|Late delivery|Noise at 50% load|"
    "Firmware update fails|Wrong part shipped|Password reset|Data export is empty|Question"
)

# city, state, postal code, country, latitude, longitude
PLACES = (
    ("San Francisco", "CA", "94105", "USA", "37.793900000000000", "-122.395000000000000"),
    ("New York", "NY", "10001", "USA", "40.748440000000000", "-73.985660000000000"),
    ("Chicago", "IL", "60601", "USA", "41.886000000000000", "-87.618000000000000"),
    ("London", "England", "EC1A 1BB", "United Kingdom", "51.518550000000000", "-0.098900000000000"),
    ("Berlin", "Berlin", "10115", "Germany", "52.532000000000000", "13.384900000000000"),
    ("München", "Bayern", "80331", "Germany", "48.135100000000000", "11.582000000000000"),
    ("Zürich", "ZH", "8001", "Switzerland", "47.371700000000000", "8.542300000000000"),
    ("Göteborg", "Västra Götaland", "411 04", "Sweden", "57.708900000000000", "11.974600000000000"),
    ("İstanbul", "Marmara", "34000", "Türkiye", "41.008200000000000", "28.978400000000000"),
    ("Tokyo", "Tokyo", "100-0001", "Japan", "35.681236000000001", "139.767124999999999"),
    ("São Paulo", "SP", "01310-100", "Brazil", "-23.561400000000000", "-46.656100000000000"),
    ("Paris", "Île-de-France", "75001", "France", "48.862500000000000", "2.336400000000000"),
)

TRAP_TEXTS = (
    "Acme", "ACME", "acme", "Acme Corp", "ACME CORP",
    "Müller & Söhne GmbH", "MÜLLER & SÖHNE GMBH", "Straße AG", "STRASSE AG", "STRAẞE AG",
    "İstanbul Ticaret", "istanbul ticaret", "ISTANBUL TICARET", "ıstanbul ticaret",
    "O'Reilly Media", '"Quoted" Ltd', "''double''", "Back\\slash Inc", "C:\\temp\\new",
    "ends with \\",
    "100% Pure", "100_ Pure", "100\\% Pure", "100x Pure", "a_b", "axb", "%", "_", "%_%",
    "Line one\nLine two", "Carriage\r\nReturn", "Tab\there",
    "null", "NULL", "NA", "N/A", "n/a", "None", "NaN", "true", "FALSE", "0", "00", "-1", "1e3",
    "😀 Smile Ltd", "👩\u200d👩\u200d👧 Family Co", "日本電気", "Ωmega", "ωmega",
    "Zürich", "Zurich",
    "Caf\u00e9", "Cafe\u0301", "ﬁne Print", "\u212aelvin", "Kelvin", "no\u00a0break", "\u202etfel",
    "semi;colon", "comma, Inc", "<b>bold</b> &amp; co", '{"json": true}', "[1, 2]", "?", "$1",
    ":bind",
    "'; DROP TABLE Account; --", "SELECT Id FROM Account", "2024-01-01", "2024-01-01T00:00:00Z",
    "Z", "a", "z", "A", "x" * 80,
)  # fmt: skip
"""Never empty and never blank at the ends: Salesforce stores no such text (Apex Developer Guide,
"Empty Strings and Trailing Whitespace")."""

TRAP_DECIMALS_2 = (
    "1234567890123456.78", "-1234567890123456.78", "9999999999999999.99", "0.00", "0.01", "-0.01",
    "90071992547409.93", "0.10", "0.30", "1000000.00", "-1.50", "4503599627370497.50",
)  # fmt: skip
TRAP_DECIMALS_16 = (
    "99999999999999.99", "-99999999999999.99", "0.00", "0.01", "-0.01", "0.10", "0.30",
    "90071992547409.93", "1000000.00", "-1.50", "1.00", "2.50",
)  # fmt: skip
TRAP_WHOLE_18 = (
    "9007199254740993", "-9007199254740993", "999999999999999999", "-999999999999999999",
    "9007199254740992", "0", "1", "-1", "123456789012345678", "576460752303423489",
)  # fmt: skip
TRAP_DECIMALS_8 = (
    "0.00000001", "-0.00000001", "1234567890.12345678", "9999999999.99999999", "0.10000000",
    "0.30000000", "3.14159265", "0.00000000", "90071992.54740993", "-1.00000000",
)  # fmt: skip
TRAP_PERCENTS = ("100.00", "0.00", "33.33", "-12.50", "999.99", "0.01", "50.00", "12.35")
TRAP_DATES = (
    "1700-01-01", "4000-12-31", "1900-02-28", "1969-12-31", "1970-01-01", "2000-02-29",
    "2024-02-29", "2024-12-31", "2025-01-01", "1752-09-14", "2262-04-12", "1899-12-31",
)  # fmt: skip
TRAP_DATETIMES = (
    "1700-01-01 00:00:00", "4000-12-31 00:00:00", "1969-12-31 23:59:59", "1970-01-01 00:00:00",
    "2024-12-31 23:59:59", "2025-01-01 00:00:00", "2024-03-31 01:00:00", "2024-03-31 00:59:59",
    "2024-10-27 01:00:00", "2024-10-27 00:30:00", "2024-03-10 10:00:00", "2024-11-03 09:00:00",
    "2025-01-01 07:59:59", "2025-01-01 08:00:00", "2024-12-31 23:00:00", "2024-12-31 15:00:00",
    "2262-04-11 23:47:17", "1700-01-01 00:00:01", "2024-02-29 12:00:00", "2038-01-19 03:14:08",
)  # fmt: skip
TRAP_TIMES = ("00:00:00", "23:59:59.999", "12:00:00", "17:30:00.001", "00:00:00.500", "06:07:08")
