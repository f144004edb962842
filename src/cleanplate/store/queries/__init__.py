"""Every statement that is sent to the database, one module a table. They know no rules, only rows."""
