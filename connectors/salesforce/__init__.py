"""The connector for Salesforce orgs."""
