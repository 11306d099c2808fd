-- One occurrence, read twice with other filters and limits
WITH x AS NOT MATERIALIZED (SELECT Id, IsWon, IsClosed FROM Opportunity) SELECT Id FROM x WHERE IsWon UNION ALL SELECT Id FROM x WHERE NOT IsWon
WITH x AS NOT MATERIALIZED (SELECT Id, IsWon FROM Opportunity) SELECT a.Id, b.Id FROM (SELECT * FROM x WHERE IsWon) a FULL JOIN (SELECT * FROM x WHERE NOT IsWon) b ON a.Id < b.Id
WITH x AS NOT MATERIALIZED (SELECT Id, IsWon, Amount FROM Opportunity) SELECT count(*) FROM x WHERE IsWon UNION ALL SELECT count(*) FROM x WHERE NOT IsWon UNION ALL SELECT count(*) FROM x
WITH x AS NOT MATERIALIZED (SELECT Id, Amount FROM Opportunity) SELECT Id FROM (SELECT Id FROM x LIMIT 1) UNION ALL SELECT Id FROM x WHERE Amount > 100
WITH x AS NOT MATERIALIZED (SELECT Id FROM Opportunity) SELECT count(*) FROM (SELECT Id FROM x LIMIT 1) UNION ALL SELECT count(*) FROM (SELECT Id FROM x LIMIT 3) UNION ALL SELECT count(*) FROM (SELECT Id FROM x)
WITH x AS NOT MATERIALIZED (SELECT Id FROM Opportunity) SELECT count(*) FROM (SELECT Id FROM x LIMIT 3) a JOIN x b ON true
WITH x AS NOT MATERIALIZED (SELECT Id FROM Opportunity) SELECT count(*) FROM x b LEFT JOIN (SELECT Id FROM x LIMIT 3) a ON true
WITH x AS NOT MATERIALIZED (SELECT Id, StageName FROM Opportunity) SELECT count(*) FROM (SELECT * FROM x WHERE StageName LIKE 'C%' ) b UNION ALL SELECT count(*) FROM (SELECT * FROM x WHERE StageName LIKE 'P%' )

-- Recursion, windows and subqueries around what is sent
SELECT count(*) FROM (SELECT Name FROM Account LIMIT 5) a, (SELECT Name FROM Account LIMIT 7) b
SELECT Id FROM (SELECT Id, IsWon FROM Opportunity LIMIT 1000) WHERE IsWon
SELECT Id FROM (SELECT Id, Amount FROM Opportunity ORDER BY Id LIMIT 10) WHERE Amount > 100
SELECT * FROM (SELECT *, row_number() OVER (ORDER BY Id) r FROM Opportunity) WHERE IsWon AND r < 50
SELECT Id, r FROM (SELECT Id, IsWon, row_number() OVER (PARTITION BY IsWon ORDER BY Id) r FROM Opportunity) WHERE IsWon AND r < 5
WITH RECURSIVE t AS (SELECT Id, ParentId FROM Account WHERE ParentId IS NULL UNION ALL SELECT a.Id, a.ParentId FROM Account a JOIN t ON a.ParentId = t.Id) SELECT count(*) FROM t
WITH RECURSIVE t(n, id) AS (SELECT 0, Id FROM Account WHERE Name = 'Acme' UNION ALL SELECT n + 1, o.Id FROM t, (SELECT Id FROM Opportunity WHERE IsWon ORDER BY Id LIMIT 2) o WHERE n < 3) SELECT n, count(*) FROM t GROUP BY n
SELECT (SELECT Name FROM Account a WHERE a.Id = o.AccountId LIMIT 1) FROM Opportunity o
SELECT Id FROM Opportunity WHERE Amount > (SELECT avg(Amount) FROM Opportunity)
SELECT Id FROM Opportunity WHERE (IsWon, IsClosed) IN (SELECT IsWon, true FROM Opportunity)
SELECT x.* FROM (VALUES (1)) v(n), LATERAL (SELECT Id FROM Account WHERE n = 1 ORDER BY Id LIMIT 2) x
SELECT Account.* FROM Account NATURAL JOIN (SELECT Id FROM Contact LIMIT 0) c

-- Files
SELECT year FROM lake.orders WHERE year = 2024 AND year <> 2023 AND year IN (2024, NULL)
SELECT count(*) FROM lake.orders WHERE year = '2024'
SELECT count(*) FROM lake.orders WHERE year BETWEEN 2023.5 AND 2024.5
SELECT count(*) FROM lake.orders WHERE weight = 'nan' OR weight > 'inf' OR weight <> weight
SELECT count(*) FROM lake.orders WHERE weight >= 'nan'::DOUBLE
SELECT count(*) FROM lake.orders WHERE weight IS NOT DISTINCT FROM 'nan'::DOUBLE
SELECT weight + 'nan'::DOUBLE FROM lake.orders o JOIN crm.Account a ON a.Id = o.account_id
SELECT weight FROM lake.orders WHERE weight = 0
SELECT count(*) FROM lake.orders WHERE NOT express
SELECT order_id FROM lake.orders WHERE express LIMIT 4000
SELECT count(*) FROM lake.orders WHERE paid = '2024-12-31 23:59:59.000001'
SELECT count(*) FROM lake.orders WHERE slot = '23:59:59.999999' OR slot = '24:00:00'
SELECT count(*) FROM lake.orders WHERE shipped = '0001-01-01'
SELECT count(*) FROM lake.orders WHERE placed < '1700-01-01 00:00:00.000001'

-- Every type of Trap__c at its edges
SELECT count(*) FROM Trap__c WHERE Checkbox__c IS NOT TRUE
SELECT Date__c FROM Trap__c WHERE Date__c < '0001-01-01 (BC)' OR Date__c > '294247-01-01' OR Date__c = '1582-10-15'
SELECT count(*) FROM Trap__c WHERE Date__c = 'infinity' OR Datetime__c < 'infinity' OR Date__c > '-infinity'
SELECT count(*) FROM Trap__c WHERE Datetime__c > '-infinity'::TIMESTAMPTZ
SELECT count(*) FROM Trap__c WHERE Datetime__c NOT IN ('infinity'::TIMESTAMPTZ, '2024-01-01')
SELECT count(*) FROM Trap__c WHERE Int__c > 170141183460469231731687303715884105727
SELECT count(*) FROM Trap__c WHERE Int__c <> 0.5 AND Int__c < 1e300
SELECT count(*) FROM Trap__c WHERE Number_18_0__c = 9007199254740993 AND Number_18_0__c <> 9007199254740992
SELECT count(*) FROM Trap__c WHERE Number_18_0__c = 9007199254740993::DOUBLE
SELECT count(*) FROM Trap__c WHERE Number_18_8__c IN (0.1, 0.10000000, 1e-8)
SELECT count(*) FROM Trap__c WHERE Text__c = E'Line one\nLine two' OR Text__c = E'Tab\there'
SELECT count(*) FROM Trap__c WHERE Text__c IN ('''; DROP TABLE Account; --', '\', '%_%', '"Quoted" Ltd')
SELECT count(*) FROM Trap__c WHERE Multi__c = 'BBB;AAA' OR Multi__c = 'aaa'
SELECT count(*) FROM Trap__c WHERE Multi__c > 'AAA' AND Multi__c IS NOT NULL
SELECT count(*) FROM Trap__c WHERE Long_Text__c IS NULL OR Long_Text__c = 'x'
SELECT count(*) FROM Trap__c WHERE Unique_Case_Sensitive__c = 'key0000a' OR Unique_Case_Sensitive__c <> 'Key0000A'
SELECT count(*) FROM Trap__c WHERE Unique_Case_Sensitive__c < 'Z'
SELECT count(*) FROM Trap__c WHERE Text__c = repeat('x', 80) OR Text__c = repeat('y', 5000)
SELECT count(*) FROM Trap__c WHERE Text__c = chr(0) OR Text__c = chr(7)
SELECT count(*) FROM Trap__c WHERE NOT (Text__c = 'Acme' AND Int__c > 5)
SELECT count(*) FROM Trap__c WHERE NOT (Text__c = 'Acme' OR NOT (Int__c > 5 AND Checkbox__c))
SELECT count(*) FROM Trap__c WHERE (Int__c > 5) = Checkbox__c
SELECT count(*) FROM Trap__c WHERE (Int__c > 5) IS DISTINCT FROM Checkbox__c
SELECT count(*) FROM Trap__c WHERE Time__c > '12:00:00.0005' OR Time__c = '00:00:00.5'
SELECT count(*) FROM Trap__c t WHERE t = t
SELECT count(t) FROM Trap__c t
SELECT current_date - Date__c > 1 FROM Trap__c
SELECT count(*) FROM Trap__c WHERE Date__c < today() AND Datetime__c < now()
SELECT count(*) FROM Trap__c WHERE Datetime__c::DATE < current_date
SELECT timezone('Asia/Tokyo', Datetime__c) FROM Trap__c
SELECT Datetime__c + INTERVAL 1 MONTH FROM Trap__c
SELECT date_trunc('week', Datetime__c), extract(timezone FROM Datetime__c) FROM Trap__c
SELECT Datetime__c::VARCHAR, Datetime__c::DATE::VARCHAR FROM Trap__c
SELECT Time__c::VARCHAR, Date__c::VARCHAR, Number_18_8__c::VARCHAR FROM Trap__c

-- Parts of dates
SELECT Id FROM Trap__c WHERE month(Date__c) = 2
SELECT Id FROM Trap__c WHERE NOT (month(Date__c) = 12) LIMIT 4000
SELECT Id FROM Trap__c WHERE extract(day FROM Date__c) BETWEEN 28 AND 31 AND quarter(Date__c) <> 4
SELECT Id FROM Trap__c WHERE quarter(Date__c) IN (1, 3) OR Date__c IS NULL OR Int__c > 5
SELECT Id FROM Trap__c WHERE month(Date__c) NOT IN (1, NULL)
SELECT Id FROM Trap__c WHERE month(Datetime__c) = 12 OR day(Datetime__c::DATE) = 31
SELECT count(*) FROM Opportunity WHERE month(CloseDate) < 4 AND year(CloseDate) = 2025
SELECT c.Id, o.Id FROM Contact c JOIN Opportunity o ON o.AccountId = c.AccountId WHERE month(o.CloseDate) = 3 AND day(c.Birthdate) < 15
SELECT a.Id, o.Id FROM Account a LEFT JOIN Opportunity o ON o.AccountId = a.Id AND quarter(o.CloseDate) = 1

-- How long it is from one moment to another
SELECT Id FROM Trap__c WHERE TIMESTAMPTZ '2024-06-30 12:00:00+00' - Datetime__c < INTERVAL 400 DAYS
SELECT Id FROM Trap__c WHERE Datetime__c - TIMESTAMPTZ '2024-03-01 00:00:00+00' BETWEEN INTERVAL '-60 days' AND INTERVAL '2 months'
SELECT Id FROM Trap__c WHERE NOT (TIMESTAMPTZ '2024-06-30 12:00:00+00' - Datetime__c < INTERVAL 400 DAYS)
SELECT Id FROM Trap__c WHERE DATE '2024-06-30' - Date__c <= 30 OR Date__c - DATE '2000-01-01' < 0
SELECT Id FROM Trap__c WHERE TIMESTAMPTZ '2024-06-30 12:00:00+00' - Date__c > INTERVAL 1 YEAR
SELECT Id FROM Trap__c WHERE age(TIMESTAMPTZ '2025-03-01 00:00:00+00', Datetime__c) < INTERVAL '1 year 2 days'
SELECT Id FROM Trap__c WHERE age(DATE '2024-03-31', Date__c) <= INTERVAL 1 MONTH AND age(DATE '2024-03-31', Date__c) > INTERVAL '-1 year'
SELECT Id FROM Trap__c WHERE date_diff('day', Datetime__c, TIMESTAMPTZ '2025-01-01 00:00:00+00') < 30 LIMIT 4000
SELECT count(*) FROM Trap__c WHERE datesub('month', Datetime__c, TIMESTAMPTZ '2025-01-01 00:00:00+00') BETWEEN 0 AND 24
SELECT count(*) FROM Trap__c WHERE date_diff('week', Date__c, DATE '2024-12-31') = 0
SELECT Id FROM Opportunity WHERE DATE '2025-06-15' - CloseDate < 100 ORDER BY CloseDate LIMIT 5
SELECT Id FROM Account WHERE TIMESTAMPTZ '2025-06-15 00:00:00+00' - CreatedDate < INTERVAL 90 DAYS LIMIT 10000

-- The rest
SELECT count(*) FROM pipeline p WHERE Amount > 10 UNION ALL SELECT count(*) FROM pipeline WHERE Amount <= 10
SELECT Name, IsActive FROM "User" WHERE NOT IsActive OR IsActive IS NULL
SELECT count(*) FROM Account WHERE IsDeleted
SELECT count(*) FROM Account WHERE NOT IsDeleted
SELECT count(*) FROM Account WHERE IsDeleted = false OR Name = 'zzz'
SELECT a.Id, b.Name FROM Contact a LEFT JOIN Account b ON a.AccountId = b.Id AND b.IsDeleted
SELECT a.Id, b.Name FROM Contact a LEFT JOIN Account b ON a.AccountId = b.Id AND NOT b.IsDeleted WHERE b.Id IS NULL
SELECT count(*) FROM Opportunity o LEFT JOIN Account a ON a.Id = o.AccountId AND o.IsWon
SELECT count(*) FROM Opportunity o RIGHT JOIN Account a ON a.Id = o.AccountId AND o.IsWon
SELECT count(*) FROM Opportunity o FULL JOIN Account a ON a.Id = o.AccountId AND o.IsWon
SELECT count(*), count(IsWon) FILTER (WHERE IsWon) FROM Opportunity
SELECT IsWon, count(*) FROM Opportunity GROUP BY IsWon HAVING IsWon
SELECT Id FROM Opportunity WHERE CASE WHEN IsWon THEN Amount > 5 ELSE NOT IsClosed END
SELECT Id FROM Opportunity WHERE (IsWon, IsClosed) = (true, true)
SELECT count(*) FROM Account a POSITIONAL JOIN Contact c
FROM (FROM Account WHERE Name > 'Z' SELECT Name) SELECT upper(Name)
SELECT Name FROM Account WHERE Name IN ('Acme', 'ACME') AND Name NOT IN ('acme') AND Id IS NOT NULL
SELECT Name AS "·1", "Id" AS "Name·1" FROM Account
SELECT "Name" FROM Account AS "x·1" WHERE "x·1"."Name" = 'Acme'
SELECT count(*) FROM Account HAVING count(*) > 1 AND bool_or(Name = 'Acme')
SELECT DISTINCT ON (Industry) Industry FROM Account ORDER BY Industry LIMIT 3
SELECT t FROM "User" t WHERE Id IS NOT NULL
SELECT count(DISTINCT t) FROM "User" t
SELECT struct_pack(a := Name) FROM Account WHERE Name LIKE 'A%'
SELECT count(*) FROM Account, Account b
SELECT max(Id) FROM Account GROUP BY ()
SELECT approx_count_distinct(Id) > 0 FROM Account
SELECT sum(Amount) OVER (ORDER BY Id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM Opportunity
SELECT * FROM Account ORDER BY ALL LIMIT 3
SELECT Id, Name FROM Account ORDER BY Name COLLATE NOCASE, Id LIMIT 30

-- Names, and every construct, over tables of the catalog
SELECT '日本😀' AS "ü", Name FROM crm.Account WHERE Name = '日本電気' /* 😀 */ AND crm.Account.Name <> 'é'
SELECT 'FROM crm.Account' AS x, "Name" FROM crm . Account WHERE Id IS NOT NULL
SELECT Name FROM crm./* hier */Account -- crm.Contact
SELECT "crm"."Account"."Name" FROM "crm"."Account"
SELECT crm.Account.Name, lake.orders.order_id FROM crm.Account, lake.orders WHERE crm.Account.Id = lake.orders.account_id
SELECT Name.upper().lower() FROM Account
SELECT Account FROM Account WHERE Name = 'Acme'
SELECT Account.Name FROM crm.Contact AS Account
SELECT a.Name FROM crm.Account AS a JOIN crm.Account USING (Id)
SELECT Account.Name, Contact.Name FROM Account JOIN Contact ON Contact.AccountId = Account.Id
SELECT Account.*, 1 AS one FROM Account
SELECT COLUMNS(Account.*) FROM Account
TABLE crm.Account
(SELECT Name FROM Account) UNION (SELECT Name FROM Contact)
WITH a AS (SELECT * FROM Account), Account AS (SELECT Id FROM a) SELECT count(*) FROM Account
WITH a AS (WITH Account AS (SELECT 1 AS i) SELECT i FROM Account) SELECT a.i, b.Name FROM a, Account b
WITH Account AS (SELECT * FROM Account) SELECT count(*) FROM Account
WITH orders AS (SELECT Id FROM crm.Account) SELECT (SELECT count(*) FROM lake.orders), (SELECT count(*) FROM orders)
SELECT (SELECT count(*) FROM Contact c WHERE c.AccountId = Account.Id) AS n, Name FROM Account
SELECT (SELECT count(*) FROM Contact WHERE Contact.AccountId = crm.Account.Id) AS n, Name FROM crm.Account
SELECT count(*) FROM Account WHERE EXISTS (SELECT 1 FROM Contact WHERE Contact.AccountId = Account.Id AND EXISTS (SELECT 1 FROM "Case" WHERE "Case".ContactId = Contact.Id))
SELECT count(*) FROM lake."order" o, crm."Case" c, crm."User" u
SELECT "order".n FROM lake."order" ORDER BY "order".n LIMIT 3
SELECT u.Name FROM "User" u ORDER BY u.Id LIMIT 3
SELECT "User".Name FROM "User" ORDER BY "User".Id LIMIT 3
SELECT s.a.b FROM (SELECT {'a': {'b': Name}} AS s FROM Account)
SELECT Account.a FROM (SELECT {'a': Name} AS Account FROM crm.Account)
SELECT crm.a FROM (SELECT {'a': Name} AS crm FROM crm.Account) t
SELECT x.Name FROM Account x WHERE x.Name IN (SELECT x.Name FROM Contact x)
SELECT t.c1 FROM Account t(c1, c2)
SELECT t.c1 FROM (SELECT Id, Name FROM Account) t(c1, c2)
SELECT Name FROM Account ORDER BY crm.Account.Id LIMIT 5
SELECT max(crm.Account.Name) FROM crm.Account GROUP BY crm.Account.Industry HAVING count(crm.Account.Id) > 1
SELECT row_number() OVER w FROM crm.Account WINDOW w AS (ORDER BY crm.Account.Id)
SELECT Name FROM Account WHERE Name LIKE '%''%' OR Name LIKE $$%"%$$
SELECT e'\'' || Name FROM Account WHERE Name = e'Line one\nLine two'
SELECT 1 AS "crm.Account", "crm.Account" FROM crm.Account
SELECT list(Name ORDER BY Id) FROM Account
SELECT [x FOR x IN (SELECT list(Name ORDER BY Id) FROM Account) IF x LIKE 'A%']
SELECT unnest(list(Name)) FROM Account
SELECT * FROM unnest((SELECT list(Id ORDER BY Id) FROM Account)) t(x)
SELECT r.i, a.n FROM range(3) r(i) JOIN (SELECT count(*) n FROM Account) a ON true
SELECT * FROM (VALUES ('Acme'), ('acme')) v(n) WHERE n IN (SELECT Name FROM Account)
SELECT CASE WHEN EXISTS (FROM Account WHERE Name = 'Acme') THEN 'y' ELSE 'n' END
PIVOT Opportunity ON StageName USING sum(Amount) GROUP BY IsWon
PIVOT crm.Opportunity ON IsWon, IsClosed USING count(*) AS n, max(CloseDate) AS d
PIVOT (SELECT 'é' AS é, StageName FROM Opportunity) ON StageName USING count(*)
WITH p AS (PIVOT Opportunity ON IsWon USING count(*) GROUP BY StageName) SELECT * FROM p ORDER BY ALL
SELECT * FROM (PIVOT Opportunity ON IsWon USING count(*) GROUP BY StageName) JOIN (SELECT DISTINCT StageName FROM Opportunity) USING (StageName)
FROM Opportunity PIVOT (count(*) FOR IsWon IN (true, false) GROUP BY StageName)
UNPIVOT (SELECT Id, Name, Industry FROM Account) ON Name, Industry
UNPIVOT Account ON COLUMNS('^Billing(City|State)$') INTO NAME k VALUE v
SELECT * FROM Account UNPIVOT INCLUDE NULLS (v FOR k IN (BillingCity, BillingState))
SELECT Id, Name FROM Account UNION BY NAME SELECT Id, Industry FROM Account UNION ALL BY NAME SELECT Name, 1 AS n FROM Contact
SELECT * FROM (SELECT Name FROM Account ORDER BY Id) POSITIONAL JOIN (SELECT Name AS m FROM Contact ORDER BY Id)
SELECT GROUPING(Industry), Industry, count(*) FROM Account GROUP BY ROLLUP (Industry)
SELECT a.Id FROM Account a LEFT JOIN LATERAL (SELECT c.Id AS i FROM Contact c WHERE c.AccountId = a.Id) l ON true WHERE l.i IS NULL
SELECT Name, lag(Name) OVER (ORDER BY Id), sum(NumberOfEmployees) OVER (ORDER BY Id ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW) FROM Account
SELECT arg_max(Name, Id), first(Name ORDER BY Id), mode(IsDeleted), quantile_cont(NumberOfEmployees, 0.5) FROM Account
SELECT histogram(IsWon) FROM Opportunity
SELECT map_from_entries(list((StageName, 1))) IS NOT NULL FROM (SELECT DISTINCT StageName FROM Opportunity)
SELECT Name COLLATE NOCASE AS n, count(*) FROM Account GROUP BY n HAVING count(*) > 1
SELECT DISTINCT Name COLLATE NOCASE FROM Account WHERE Name ILIKE 'acme%'
SELECT Name FROM Account WHERE Name SIMILAR TO 'A.*'
SELECT Name FROM Account WHERE Name ~ '^A' AND NOT Name ~~* 'ac%'
SELECT x: Name, y: Industry FROM Account
SELECT Name FROM Account WHERE (Name, Industry) IS NOT DISTINCT FROM ('Acme', NULL)
SELECT #1 FROM (SELECT Name FROM Account)
SELECT try_cast(Name AS INTEGER) FROM Account WHERE Name <> 'x'
SELECT json_object('n', Name) FROM Account
SELECT to_json(Account) FROM Account WHERE Name = 'Acme'
SELECT Id FROM Account WHERE Id = ALL (SELECT Id FROM Account WHERE Name = 'Acme')
SELECT Id FROM Account LIMIT 10%
SELECT Id FROM Account ORDER BY Id LIMIT (SELECT 3)
SELECT Id FROM Account ORDER BY Id LIMIT 1 + 1 OFFSET 1 + 1
SELECT count(*) FROM (SELECT Id FROM Account LIMIT 0 OFFSET 3)
SELECT count(*) FROM (SELECT Id FROM Account LIMIT NULL)
SELECT count(*) FROM (SELECT Id FROM Account WHERE Name IS NOT NULL OFFSET 90)
SELECT count(*) FROM (SELECT Id FROM Account ORDER BY Name LIMIT 5) JOIN Contact c ON true
SELECT count(*) FROM (FROM Account LIMIT 5) UNION ALL SELECT count(*) FROM (FROM lake.orders LIMIT 7)
