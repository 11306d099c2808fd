-- Fifty questions that people ask of a CRM and what lies around it. A line of words, then the query.

-- one account by its number
SELECT Id, Name, Industry FROM crm.Account WHERE AccountNumber = 'ACC-000042';
-- one account by its external id, and who owns it
SELECT a.Name, u.Name AS owner FROM crm.Account a JOIN crm.User u ON u.Id = a.OwnerId WHERE a.External_Id__c = 'EXT-000042';
-- how many accounts
SELECT count(*) FROM crm.Account;
-- how many open deals
SELECT count(*) FROM crm.Opportunity WHERE IsClosed = false;
-- the first ten accounts that come
SELECT Id, Name FROM crm.Account LIMIT 10;
-- the ten largest deals
SELECT Id, Name, Amount FROM crm.Opportunity ORDER BY Amount DESC NULLS LAST LIMIT 10;
-- the deals that close next
SELECT Id, Name, CloseDate FROM crm.Opportunity WHERE IsClosed = false AND CloseDate >= current_date ORDER BY CloseDate LIMIT 25;
-- every open deal
SELECT Id, Name, Amount, StageName, CloseDate FROM crm.Opportunity WHERE IsClosed = false;
-- every deal
SELECT Id, AccountId, StageName, Amount, CloseDate FROM crm.Opportunity;
-- deals by stage
SELECT StageName, count(*) AS deals, sum(Amount) AS money FROM crm.Opportunity GROUP BY StageName;
-- deals won this year
SELECT Id, Amount FROM crm.Opportunity WHERE IsWon AND CloseDate >= date_trunc('year', current_date);
-- deals by fiscal year
SELECT FiscalYear, count(*) AS deals FROM crm.Opportunity GROUP BY FiscalYear ORDER BY FiscalYear;
-- the earliest and the latest close date
SELECT min(CloseDate) AS earliest, max(CloseDate) AS latest FROM crm.Opportunity;
-- deals changed in the last day
SELECT Id, StageName FROM crm.Opportunity WHERE SystemModstamp >= now() - INTERVAL 1 DAY;
-- accounts without an owner's region
SELECT count(*) FROM crm.Account WHERE Industry IS NULL;
-- hot accounts of an industry
SELECT Id, Name FROM crm.Account WHERE Rating = 'Hot' AND Industry = 'Energy';
-- accounts by the beginning of their names
SELECT Id, Name FROM crm.Account WHERE Name LIKE 'Acorn%';
-- accounts with a word in their names
SELECT Id, Name FROM crm.Account WHERE Name ILIKE '%bank%';
-- large customers
SELECT Id, Name, AnnualRevenue FROM crm.Account WHERE AnnualRevenue > 10000000 AND Type = 'Customer - Direct';
-- contacts of a few accounts
SELECT LastName, Email FROM crm.Contact WHERE AccountId IN (SELECT Id FROM crm.Account WHERE AccountNumber IN ('ACC-000001', 'ACC-000002', 'ACC-000003'));
-- contacts without an account
SELECT count(*) FROM crm.Contact WHERE AccountId IS NULL;
-- contacts with their accounts
SELECT c.LastName, c.Email, a.Name AS account FROM crm.Contact c LEFT JOIN crm.Account a ON a.Id = c.AccountId;
-- buyers of hot accounts
SELECT c.LastName, a.Name AS account FROM crm.Contact c JOIN crm.Account a ON a.Id = c.AccountId WHERE a.Rating = 'Hot' AND c.Title = 'Buyer';
-- open deals with account and owner
SELECT o.Name, o.Amount, a.Name AS account, u.Name AS owner FROM crm.Opportunity o JOIN crm.Account a ON a.Id = o.AccountId JOIN crm.User u ON u.Id = o.OwnerId WHERE o.IsClosed = false;
-- money by industry
SELECT a.Industry, sum(o.Amount) AS money FROM crm.Opportunity o JOIN crm.Account a ON a.Id = o.AccountId WHERE o.IsWon GROUP BY a.Industry;
-- accounts that never bought
SELECT count(*) FROM crm.Account a WHERE NOT EXISTS (SELECT 1 FROM crm.Opportunity o WHERE o.AccountId = a.Id AND o.IsWon);
-- accounts with an open deal
SELECT a.Id, a.Name FROM crm.Account a WHERE EXISTS (SELECT 1 FROM crm.Opportunity o WHERE o.AccountId = a.Id AND NOT o.IsClosed);
-- is there any escalated case
SELECT EXISTS (SELECT 1 FROM crm.Case WHERE IsEscalated) AS any_escalated;
-- open cases by priority
SELECT Priority, count(*) AS cases FROM crm.Case WHERE NOT IsClosed GROUP BY Priority;
-- cases with contact and account
SELECT c.CaseNumber, k.LastName, a.Name AS account FROM crm.Case c LEFT JOIN crm.Contact k ON k.Id = c.ContactId LEFT JOIN crm.Account a ON a.Id = c.AccountId WHERE c.Status = 'New';
-- one case
SELECT CaseNumber, Subject, Status FROM crm.Case WHERE CaseNumber = '00001042';
-- tasks that are late
SELECT Subject, ActivityDate FROM crm.Task WHERE ActivityDate < current_date AND Status <> 'Completed';
-- users that work
SELECT Id, Name FROM crm.User WHERE IsActive;
-- deals by owner
SELECT u.Name, count(*) AS deals FROM crm.Opportunity o JOIN crm.User u ON u.Id = o.OwnerId GROUP BY u.Name;
-- products
SELECT Id, Name, Family FROM crm.Product2;
-- different stages
SELECT DISTINCT StageName FROM crm.Opportunity;
-- how many different accounts have deals
SELECT count(DISTINCT AccountId) AS accounts FROM crm.Opportunity;
-- deals of a quarter by its name
SELECT count(*) FROM crm.Opportunity WHERE extract(year FROM CloseDate) = 2025 AND extract(quarter FROM CloseDate) = 2;
-- deals of one month
SELECT Id, Amount FROM crm.Opportunity WHERE date_trunc('month', CloseDate) = DATE '2025-03-01';
-- an order's account
SELECT a.Id, a.Name FROM lake.orders o JOIN crm.Account a ON a.AccountNumber = o.account_number WHERE o.order_id = 100;
-- accounts of the largest orders
SELECT a.Name, o.amount_eur FROM (SELECT * FROM lake.orders ORDER BY amount_eur DESC, order_id LIMIT 20) o JOIN crm.Account a ON a.AccountNumber = o.account_number;
-- orders of accounts that the CRM lacks
SELECT count(*) FROM lake.orders o WHERE year = 2026 AND NOT EXISTS (SELECT 1 FROM crm.Account a WHERE a.AccountNumber = o.account_number);
-- what hot accounts ordered this year
SELECT a.Name, sum(o.amount_eur) AS eur FROM crm.Account a JOIN lake.orders o ON o.account_number = a.AccountNumber WHERE a.Rating = 'Hot' AND a.Type = 'Customer - Direct' AND o.year = 2026 GROUP BY a.Name;
-- owners of who ordered for much in the app
SELECT DISTINCT u.Name FROM lake.orders o JOIN crm.Account a ON a.AccountNumber = o.account_number JOIN crm.User u ON u.Id = a.OwnerId WHERE o.amount_eur > 3800 AND o.channel = 'app';
-- the deals of who ordered for much
SELECT d.Name, d.Amount FROM lake.orders o JOIN crm.Account a ON a.AccountNumber = o.account_number JOIN crm.Opportunity d ON d.AccountId = a.Id WHERE o.amount_eur > 4000;
-- orders by channel
SELECT channel, count(*) AS orders FROM lake.orders GROUP BY channel;
-- a picklist value that there is not
SELECT count(*) FROM crm.Account WHERE Rating = 'Lukewarm' AND Rating = 'Hot';
-- deals in euros
SELECT count(*) AS deals, sum(o.Amount / r.per_euro) AS eur FROM crm.Opportunity o ASOF JOIN day_rates r ON r.currency = o.CurrencyIsoCode AND r.day <= o.CloseDate WHERE o.IsWon AND o.CloseDate >= DATE '2026-01-01';
-- the demo's own question
SELECT * FROM pipeline_360;
-- deals larger than the average of their stage
SELECT count(*) FROM crm.Opportunity o JOIN (SELECT StageName, avg(Amount) AS a FROM crm.Opportunity GROUP BY StageName) s ON s.StageName = o.StageName WHERE o.Amount > s.a;
