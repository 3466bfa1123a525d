-- SPDX-License-Identifier: Apache-2.0
-- A message of events shrinks to a third either way; the default method takes several times as long
-- for it, but some servers have nothing else.
DO $$ BEGIN
    ALTER TABLE bus_messages ALTER COLUMN value SET COMPRESSION lz4;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'bus messages are compressed by pglz: %', SQLERRM;
END $$;
