"""Two servers of one dialect: MySQL's words on an embedded SQLite, and a private MariaDB."""
