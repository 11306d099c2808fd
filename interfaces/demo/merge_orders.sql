-- What each account has ordered in the web shop during the last week goes into the org, beside its
-- number there; a customer of the shop that the org does not know is made.
MERGE INTO crm.Account AS a
USING (
  SELECT
    account_number AS number,
    'Shop, last week: ' || count(*) || ' orders, ' || sum(amount_eur) || ' EUR' AS words
  FROM lake.orders
  WHERE ordered_on > current_date - 7
  GROUP BY ALL
) AS s ON a.External_Id__c = s.number
WHEN MATCHED THEN UPDATE SET Description = s.words
WHEN NOT MATCHED THEN
  INSERT (External_Id__c, AccountNumber, Name, Description)
  VALUES (s.number, s.number, 'Shop customer ' || s.number, s.words)
