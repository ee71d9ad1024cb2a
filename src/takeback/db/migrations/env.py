"""What Alembic runs. The connection, already in a transaction, is handed over by ``takeback.db.schema``."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    version_table=context.config.attributes["version_table"],
    # SQLite can roll back DDL; Alembic assumes the opposite because of the old driver's implicit commits.
    transactional_ddl=True,
)
context.run_migrations()
