-- SPDX-License-Identifier: Apache-2.0
-- Bearer tokens of people, tools and runners. Of a token only its SHA-256 is kept: it has 256 random
-- bits, so nothing that is slow to compute is needed against guessing.
CREATE TABLE access_tokens (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    role         TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'runner')),
    runner_id    TEXT, -- whom a runner's token speaks for
    token_sha256 BYTEA NOT NULL UNIQUE CHECK (octet_length(token_sha256) = 32),
    created_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
    created_by   TEXT NOT NULL DEFAULT '',
    expires_at   TIMESTAMPTZ,
    last_used_at TIMESTAMPTZ, -- to the minute
    revoked_at   TIMESTAMPTZ,
    CHECK ((role = 'runner') = (runner_id IS NOT NULL))
);
CREATE UNIQUE INDEX access_tokens_by_name ON access_tokens (name) WHERE revoked_at IS NULL;
