-- For functions of modules that do their whole transaction in one round trip; others use Append
-- (event.h). The caller announces the event after COMMIT.
CREATE FUNCTION events.append(p_workspace text, p_type text, p_source text, p_subject text,
                              p_data jsonb, p_request_id text)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO events.outbox (id, workspace, type, source, subject, time, data, request_id)
  VALUES (gen_random_uuid(), p_workspace, p_type, p_source, p_subject, now(), p_data, p_request_id)
$$;
