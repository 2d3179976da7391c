-- A database with three roles: the owner makes tables, workers fill them, readers only look.
-- As the server's administrator: psql --set ON_ERROR_STOP=1 --file docs/postgresql/roles.sql

CREATE ROLE radtune_owner LOGIN;
CREATE ROLE radtune_worker LOGIN;
CREATE ROLE radtune_reader LOGIN;

CREATE DATABASE radtune OWNER radtune_owner;
REVOKE ALL ON DATABASE radtune FROM PUBLIC;
GRANT CONNECT ON DATABASE radtune TO radtune_worker, radtune_reader;

-- A client that vanished without a word is noticed after a minute, and its locks are let go.
ALTER DATABASE radtune SET tcp_keepalives_idle = 30;
ALTER DATABASE radtune SET tcp_keepalives_interval = 10;
ALTER DATABASE radtune SET tcp_keepalives_count = 3;
ALTER DATABASE radtune SET tcp_user_timeout = 60000;

\connect radtune
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO radtune_owner;
GRANT USAGE ON SCHEMA public TO radtune_worker, radtune_reader;

-- Tables that the owner will make.
ALTER DEFAULT PRIVILEGES FOR ROLE radtune_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO radtune_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE radtune_owner IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO radtune_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE radtune_owner IN SCHEMA public
    GRANT SELECT ON TABLES TO radtune_reader;
