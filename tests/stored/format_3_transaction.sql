--
-- PostgreSQL database dump
--



SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: esmodel; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA esmodel;


--
-- Name: append_rows(uuid, text, uuid[], bigint[], bytea[], bigint[], integer[], bigint[], integer[], bigint[], bigint[], bytea[], bytea[], bytea[]); Type: FUNCTION; Schema: esmodel; Owner: -
--

CREATE FUNCTION esmodel.append_rows(_append_id uuid, _wait text, _streams uuid[], _lasts bigint[], _heads bytea[], _afters bigint[], _of integer[], _positions bigint[], _name_ids integer[], _class_versions bigint[], _timestamps bigint[], _data bytea[], _headers bytea[], _hashes bytea[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE base bigint;
BEGIN
    -- Waiting for a lock times out.
    PERFORM set_config('lock_timeout', _wait, true);
    -- The id tells later that the append was stored; an append reported as not stored fails here.
    INSERT INTO "esmodel".append VALUES (_append_id, true);
    FOR i IN 1 .. pg_catalog.cardinality(_streams) LOOP
        IF _afters[i] >= 0 THEN
            -- An append continues its stream: its end is compared once the row of the stream is locked.
            UPDATE "esmodel".stream SET last_position = _lasts[i], last_hash = _heads[i]
                WHERE originator_id = _streams[i] AND last_position = _afters[i];
        ELSIF _afters[i] = -1 THEN
            INSERT INTO "esmodel".stream VALUES (_streams[i], _lasts[i], _heads[i])
                ON CONFLICT (originator_id) DO NOTHING;
        ELSE
            -- `last` is the highest position ever appended.
            INSERT INTO "esmodel".stream AS old VALUES (_streams[i], _lasts[i], _heads[i])
                ON CONFLICT (originator_id) DO UPDATE
                SET last_position = excluded.last_position, last_hash = excluded.last_hash
                WHERE old.last_position < excluded.last_position;
            CONTINUE;
        END IF;
        IF NOT FOUND THEN
            RAISE unique_violation USING CONSTRAINT = 'stream_continues',
                MESSAGE = 'a stream ends elsewhere than the append says', DETAIL = i || ' ' || coalesce(
                    (SELECT last_position FROM "esmodel".stream WHERE originator_id = _streams[i]), -1);
        END IF;
    END LOOP;
    base := (SELECT (pg_current_xact_id()::text::bigint + shift) << 20 FROM "esmodel".format);
    -- Rows are only ever inserted; a taken position violates the primary key.
    INSERT INTO "esmodel".record
        SELECT _streams[i], p, base + o, v, t, n, d, h, e
        FROM unnest(_of, _positions, _class_versions, _timestamps, _name_ids, _data, _headers, _hashes)
        WITH ORDINALITY AS r (i, p, v, t, n, d, h, e, o);
END $$;


--
-- Name: name_ids(bytea[], bytea[]); Type: FUNCTION; Schema: esmodel; Owner: -
--

CREATE FUNCTION esmodel.name_ids(_digests bytea[], _names bytea[]) RETURNS TABLE(digest bytea, name_id integer)
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO "esmodel".name (digest, name) SELECT d, n FROM unnest(_digests, _names) AS new (d, n)
        WHERE NOT EXISTS (SELECT FROM "esmodel".name WHERE digest = d) ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT digest, name_id FROM "esmodel".name WHERE digest = ANY (_digests);
END $$;


--
-- Name: read_all(bigint, integer); Type: FUNCTION; Schema: esmodel; Owner: -
--

CREATE FUNCTION esmodel.read_all(_after bigint, _most integer) RETURNS TABLE("position" bigint, name_id integer, class_version bigint, "timestamp" bigint, data bytea, header bytea, event_hash bytea, number bigint, originator_id uuid)
    LANGUAGE plpgsql STABLE
    SET enable_sort TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT position, name_id, class_version, "timestamp", data, header, event_hash, number, originator_id FROM (
            SELECT position, name_id, class_version, "timestamp", data, header, event_hash, number, originator_id,
                sum(octet_length(data)) OVER (ORDER BY number) - octet_length(data) AS before
            FROM "esmodel".record WHERE number > _after ORDER BY number LIMIT _most) AS page
        WHERE before <= 1048576 AND number < (SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + shift) << 20 FROM "esmodel".format);
END $$;


--
-- Name: read_from_snapshot(uuid, bigint); Type: FUNCTION; Schema: esmodel; Owner: -
--

CREATE FUNCTION esmodel.read_from_snapshot(_id uuid, _high bigint) RETURNS TABLE("position" bigint, name_id integer, class_version bigint, "timestamp" bigint, data bytea, header bytea, event_hash bytea, is_snapshot boolean)
    LANGUAGE plpgsql STABLE
    AS $$
#variable_conflict use_column
DECLARE low bigint := -9223372036854775808;
BEGIN
    SELECT position, name_id, class_version, "timestamp", data, header, event_hash, true INTO "position", name_id, class_version, "timestamp", data, header, event_hash,
            is_snapshot
        FROM "esmodel".snapshot AS s WHERE s.originator_id = _id AND s.position <= _high
        ORDER BY s.position DESC LIMIT 1;
    IF FOUND THEN
        RETURN NEXT;
        IF "position" >= _high THEN
            RETURN;
        END IF;
        low := "position" + 1;
    END IF;
    RETURN QUERY SELECT position, name_id, class_version, "timestamp", data, header, event_hash, false FROM "esmodel".read_rows(_id, low, _high, 500);
END $$;


--
-- Name: read_rows(uuid, bigint, bigint, integer); Type: FUNCTION; Schema: esmodel; Owner: -
--

CREATE FUNCTION esmodel.read_rows(_id uuid, _low bigint, _high bigint, _most integer) RETURNS TABLE("position" bigint, name_id integer, class_version bigint, "timestamp" bigint, data bytea, header bytea, event_hash bytea)
    LANGUAGE plpgsql STABLE
    SET enable_sort TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT position, name_id, class_version, "timestamp", data, header, event_hash FROM (
            SELECT position, name_id, class_version, "timestamp", data, header, event_hash, sum(octet_length(data)) OVER (ORDER BY position) - octet_length(data) AS before
            FROM "esmodel".record WHERE originator_id = _id AND position BETWEEN _low AND _high
            ORDER BY position LIMIT _most) AS page
        WHERE before <= 1048576;
END $$;


--
-- Name: read_rows_descending(uuid, bigint, bigint, integer); Type: FUNCTION; Schema: esmodel; Owner: -
--

CREATE FUNCTION esmodel.read_rows_descending(_id uuid, _low bigint, _high bigint, _most integer) RETURNS TABLE("position" bigint, name_id integer, class_version bigint, "timestamp" bigint, data bytea, header bytea, event_hash bytea)
    LANGUAGE plpgsql STABLE
    SET enable_sort TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT position, name_id, class_version, "timestamp", data, header, event_hash FROM (
            SELECT position, name_id, class_version, "timestamp", data, header, event_hash,
                sum(octet_length(data)) OVER (ORDER BY position DESC) - octet_length(data) AS before
            FROM "esmodel".record WHERE originator_id = _id AND position BETWEEN _low AND _high
            ORDER BY position DESC LIMIT _most) AS page
        WHERE before <= 1048576;
END $$;


--
-- Name: was_appended(uuid, text); Type: FUNCTION; Schema: esmodel; Owner: -
--

CREATE FUNCTION esmodel.was_appended(_append_id uuid, _wait text) RETURNS boolean
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM set_config('lock_timeout', _wait, true);
    INSERT INTO "esmodel".append VALUES (_append_id, false) ON CONFLICT DO NOTHING;
    RETURN (SELECT stored FROM "esmodel".append WHERE append_id = _append_id);
END $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: append; Type: TABLE; Schema: esmodel; Owner: -
--

CREATE TABLE esmodel.append (
    append_id uuid NOT NULL,
    stored boolean NOT NULL
);


--
-- Name: counter; Type: TABLE; Schema: esmodel; Owner: -
--

CREATE TABLE esmodel.counter (
    one boolean DEFAULT true NOT NULL,
    last bigint NOT NULL,
    CONSTRAINT counter_one_check CHECK (one)
)
WITH (fillfactor='10');


--
-- Name: format; Type: TABLE; Schema: esmodel; Owner: -
--

CREATE TABLE esmodel.format (
    one boolean DEFAULT true NOT NULL,
    version integer NOT NULL,
    numbering text NOT NULL,
    shift bigint NOT NULL,
    CONSTRAINT format_one_check CHECK (one)
);


--
-- Name: name; Type: TABLE; Schema: esmodel; Owner: -
--

CREATE TABLE esmodel.name (
    name_id integer NOT NULL,
    digest bytea NOT NULL,
    name bytea NOT NULL
);


--
-- Name: name_name_id_seq; Type: SEQUENCE; Schema: esmodel; Owner: -
--

ALTER TABLE esmodel.name ALTER COLUMN name_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME esmodel.name_name_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: record; Type: TABLE; Schema: esmodel; Owner: -
--

CREATE TABLE esmodel.record (
    originator_id uuid NOT NULL,
    "position" bigint NOT NULL,
    number bigint NOT NULL,
    class_version bigint NOT NULL,
    "timestamp" bigint NOT NULL,
    name_id integer NOT NULL,
    data bytea NOT NULL,
    header bytea NOT NULL,
    event_hash bytea NOT NULL
);


--
-- Name: snapshot; Type: TABLE; Schema: esmodel; Owner: -
--

CREATE TABLE esmodel.snapshot (
    originator_id uuid NOT NULL,
    "position" bigint NOT NULL,
    class_version bigint NOT NULL,
    "timestamp" bigint NOT NULL,
    name_id integer NOT NULL,
    data bytea NOT NULL,
    header bytea NOT NULL,
    event_hash bytea NOT NULL
);


--
-- Name: stream; Type: TABLE; Schema: esmodel; Owner: -
--

CREATE TABLE esmodel.stream (
    originator_id uuid NOT NULL,
    last_position bigint NOT NULL,
    last_hash bytea NOT NULL
)
WITH (fillfactor='80');


--
-- Data for Name: append; Type: TABLE DATA; Schema: esmodel; Owner: -
--

INSERT INTO esmodel.append VALUES ('01a2185e-4abf-7aab-b750-79528f7cac1e', true);
INSERT INTO esmodel.append VALUES ('01a2185e-4ac1-7a32-95d8-326d68330d15', true);
INSERT INTO esmodel.append VALUES ('01a2185e-4ac2-7a9d-b7c0-1d7d914149c9', true);
INSERT INTO esmodel.append VALUES ('00000000-0000-0000-0000-000000000007', false);


--
-- Data for Name: counter; Type: TABLE DATA; Schema: esmodel; Owner: -
--

INSERT INTO esmodel.counter VALUES (true, 0);


--
-- Data for Name: format; Type: TABLE DATA; Schema: esmodel; Owner: -
--

INSERT INTO esmodel.format VALUES (true, 3, 'transaction', -20734);


--
-- Data for Name: name; Type: TABLE DATA; Schema: esmodel; Owner: -
--

INSERT INTO esmodel.name OVERRIDING SYSTEM VALUE VALUES (1, '\xb19fb8d1b395b333251f40be2909ca37a0b0a007b3c4c4b34b726be71f715daa', '\x4f70656e6564');
INSERT INTO esmodel.name OVERRIDING SYSTEM VALUE VALUES (2, '\xc3b806d68595c8662bf3298fd737c492d1593fd57f23dbc114c0e2f7349be244', '\x4465706f7369746564');
INSERT INTO esmodel.name OVERRIDING SYSTEM VALUE VALUES (3, '\x6ad27bd4ec33b079208334dfea86ff96900f95ca640dda1d2638d694d077668b', '\x536e617073686f74');


--
-- Data for Name: record; Type: TABLE DATA; Schema: esmodel; Owner: -
--

INSERT INTO esmodel.record VALUES ('00000000-0000-0000-0000-000000000001', 0, 20973617153, 0, 1700000000000000, 1, '\x7b2263656e7473223a307d', '\x', '\x0000000000000000000000000000000000000000000000000000000000000000');
INSERT INTO esmodel.record VALUES ('00000000-0000-0000-0000-000000000001', 1, 20973617154, 1, 1700000000000001, 2, '\x7b2263656e7473223a317d', '\x', '\x0101010101010101010101010101010101010101010101010101010101010101');
INSERT INTO esmodel.record VALUES ('00000000-0000-0000-0000-000000000001', 2, 20974665729, 2, 1700000000000002, 2, '\x7b2263656e7473223a327d', '\x', '\x0202020202020202020202020202020202020202020202020202020202020202');
INSERT INTO esmodel.record VALUES ('00000000-0000-0000-0000-000000000002', 0, 20975714305, 0, 1700000000000009, 1, '\x7b226f776e6572223a22416461227d', '\x7b226576656e745f6964223a6e756c6c7d', '\x');


--
-- Data for Name: snapshot; Type: TABLE DATA; Schema: esmodel; Owner: -
--

INSERT INTO esmodel.snapshot VALUES ('00000000-0000-0000-0000-000000000001', 1, 0, 1700000000000001, 3, '\x7b7d', '\x', '\x');


--
-- Data for Name: stream; Type: TABLE DATA; Schema: esmodel; Owner: -
--

INSERT INTO esmodel.stream VALUES ('00000000-0000-0000-0000-000000000001', 2, '\x0202020202020202020202020202020202020202020202020202020202020202');
INSERT INTO esmodel.stream VALUES ('00000000-0000-0000-0000-000000000002', 0, '\x');


--
-- Name: name_name_id_seq; Type: SEQUENCE SET; Schema: esmodel; Owner: -
--

SELECT pg_catalog.setval('esmodel.name_name_id_seq', 3, true);


--
-- Name: append append_once; Type: CONSTRAINT; Schema: esmodel; Owner: -
--

ALTER TABLE ONLY esmodel.append
    ADD CONSTRAINT append_once PRIMARY KEY (append_id);


--
-- Name: counter counter_pkey; Type: CONSTRAINT; Schema: esmodel; Owner: -
--

ALTER TABLE ONLY esmodel.counter
    ADD CONSTRAINT counter_pkey PRIMARY KEY (one);


--
-- Name: format format_pkey; Type: CONSTRAINT; Schema: esmodel; Owner: -
--

ALTER TABLE ONLY esmodel.format
    ADD CONSTRAINT format_pkey PRIMARY KEY (one);


--
-- Name: name name_digest_key; Type: CONSTRAINT; Schema: esmodel; Owner: -
--

ALTER TABLE ONLY esmodel.name
    ADD CONSTRAINT name_digest_key UNIQUE (digest);


--
-- Name: name name_pkey; Type: CONSTRAINT; Schema: esmodel; Owner: -
--

ALTER TABLE ONLY esmodel.name
    ADD CONSTRAINT name_pkey PRIMARY KEY (name_id);


--
-- Name: record record_number; Type: CONSTRAINT; Schema: esmodel; Owner: -
--

ALTER TABLE ONLY esmodel.record
    ADD CONSTRAINT record_number UNIQUE (number);


--
-- Name: record record_position; Type: CONSTRAINT; Schema: esmodel; Owner: -
--

ALTER TABLE ONLY esmodel.record
    ADD CONSTRAINT record_position PRIMARY KEY (originator_id, "position");


--
-- Name: snapshot snapshot_pkey; Type: CONSTRAINT; Schema: esmodel; Owner: -
--

ALTER TABLE ONLY esmodel.snapshot
    ADD CONSTRAINT snapshot_pkey PRIMARY KEY (originator_id, "position");


--
-- Name: stream stream_pkey; Type: CONSTRAINT; Schema: esmodel; Owner: -
--

ALTER TABLE ONLY esmodel.stream
    ADD CONSTRAINT stream_pkey PRIMARY KEY (originator_id);


--
-- PostgreSQL database dump complete
--


