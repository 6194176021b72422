BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0015');
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	guild_id BIGINT NOT NULL, 
	at DOUBLE NOT NULL, 
	user_id BIGINT NOT NULL, 
	action VARCHAR(60) NOT NULL, 
	details TEXT NOT NULL, 
	CONSTRAINT pk_audit PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,5,1800000000.0,9,'set_limits','{"max_per_day": 7, "priority_role_ids": [11]}');
INSERT INTO "audit" VALUES(2,5,1800000000.0,9,'block','{"user": "3"}');
INSERT INTO "audit" VALUES(3,8,1800000000.0,9,'pause','{}');
INSERT INTO "audit" VALUES(4,5,1800000020.0,9,'clear','{"count": 1}');
CREATE TABLE blocked_users (
	guild_id BIGINT NOT NULL, 
	user_id BIGINT NOT NULL, 
	by_user BIGINT NOT NULL, 
	at DOUBLE NOT NULL, reason VARCHAR(200), until DOUBLE, 
	CONSTRAINT pk_blocked_users PRIMARY KEY (guild_id, user_id)
);
INSERT INTO "blocked_users" VALUES(5,3,9,1800000000.0,NULL,NULL);
CREATE TABLE bots (
	id VARCHAR(100) NOT NULL, 
	application_id BIGINT NOT NULL, 
	host VARCHAR(200) NOT NULL, 
	pid INTEGER NOT NULL, 
	version VARCHAR(40) NOT NULL, 
	started_at DOUBLE NOT NULL, 
	last_seen DOUBLE NOT NULL, 
	gateway_seen DOUBLE, 
	latency_seconds DOUBLE, 
	CONSTRAINT pk_bots PRIMARY KEY (id)
);
INSERT INTO "bots" VALUES('host-1-abc',42,'host',1,'0.2.0',1763900000.0,1763900000.0,1763900000.0,0.05);
CREATE TABLE cleared_jobs (
	job_id INTEGER NOT NULL, 
	clear_id INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	user_finish DOUBLE NOT NULL, 
	counted BOOLEAN NOT NULL, 
	CONSTRAINT pk_cleared_jobs PRIMARY KEY (job_id), 
	CONSTRAINT fk_cleared_jobs_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "cleared_jobs" VALUES(4,4,1800000020.0,2.35929599999999979327e+01,1);
CREATE TABLE defaults (
	scope VARCHAR(10) NOT NULL, 
	owner_id BIGINT NOT NULL, 
	chosen TEXT NOT NULL, 
	updated_at DOUBLE NOT NULL, 
	CONSTRAINT pk_defaults PRIMARY KEY (scope, owner_id)
);
CREATE TABLE engines (
	id VARCHAR(100) NOT NULL, 
	host VARCHAR(200) NOT NULL, 
	device VARCHAR(200) NOT NULL, 
	network VARCHAR(40) NOT NULL, 
	version VARCHAR(40) NOT NULL, 
	pid INTEGER NOT NULL, 
	started_at DOUBLE NOT NULL, 
	last_seen DOUBLE NOT NULL, trouble TEXT, model VARCHAR(200), networks VARCHAR(200), memory_bytes BIGINT, memory_used_bytes BIGINT, largest_px INTEGER, pace DOUBLE, weights VARCHAR(200), 
	CONSTRAINT pk_engines PRIMARY KEY (id)
);
INSERT INTO "engines" VALUES('engine','host','cpu','lite','0.1.0',4321,1800000000.0,1800000000.0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	job_id INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	actor VARCHAR(120) NOT NULL, 
	details TEXT NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT fk_events_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "events" VALUES(1,1,1800000000.0,'queued','user:1','{}');
INSERT INTO "events" VALUES(2,2,1800000000.0,'queued','user:2','{}');
INSERT INTO "events" VALUES(3,3,1800000000.0,'queued','user:1','{}');
INSERT INTO "events" VALUES(4,4,1800000000.0,'queued','user:1','{}');
INSERT INTO "events" VALUES(5,1,1800000000.0,'claimed','engine:engine','{"fence": 1}');
INSERT INTO "events" VALUES(6,1,1800000020.0,'done','engine:engine','{}');
INSERT INTO "events" VALUES(7,1,1800000020.0,'delivered','bot','{"how": "edit"}');
INSERT INTO "events" VALUES(8,2,1800000020.0,'claimed','engine:engine','{"fence": 1}');
INSERT INTO "events" VALUES(9,2,1800000020.0,'failed','engine:engine','{"kind": "engine", "error_id": "e-1"}');
INSERT INTO "events" VALUES(10,3,1800000020.0,'claimed','engine:engine','{"fence": 1}');
INSERT INTO "events" VALUES(11,4,1800000020.0,'cancelled','user:9','{}');
INSERT INTO "events" VALUES(12,5,1800000020.0,'queued','user:4','{}');
CREATE TABLE gallery_posts (
	job_id INTEGER NOT NULL, 
	guild_id BIGINT NOT NULL, 
	channel_id BIGINT NOT NULL, 
	message_id BIGINT, 
	at DOUBLE NOT NULL, 
	CONSTRAINT pk_gallery_posts PRIMARY KEY (job_id, guild_id), 
	CONSTRAINT fk_gallery_posts_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
CREATE TABLE guild_limits (
	guild_id BIGINT NOT NULL, 
	changes TEXT NOT NULL, 
	updated_at DOUBLE NOT NULL, 
	updated_by BIGINT NOT NULL, 
	CONSTRAINT pk_guild_limits PRIMARY KEY (guild_id)
);
INSERT INTO "guild_limits" VALUES(5,'{"max_per_day":7,"priority_role_ids":[11]}',1800000000.0,9);
CREATE TABLE installation (
	name VARCHAR(40) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_installation PRIMARY KEY (name)
);
CREATE TABLE intake_uses (
	interaction_id BIGINT NOT NULL, 
	"key" VARCHAR(100) NOT NULL, 
	CONSTRAINT pk_intake_uses PRIMARY KEY (interaction_id, "key"), 
	CONSTRAINT fk_intake_uses_interaction_id FOREIGN KEY(interaction_id) REFERENCES intakes (interaction_id) ON DELETE CASCADE
);
INSERT INTO "intake_uses" VALUES(4242,'8c67bf3e7f711e1b28ff72c669b70755cc53f256f6406e8aebb49222370f06ee.png');
CREATE TABLE intakes (
	interaction_id BIGINT NOT NULL, 
	payload TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	closed_at DOUBLE, user_id BIGINT, erased_at DOUBLE, 
	CONSTRAINT pk_intakes PRIMARY KEY (interaction_id)
);
INSERT INTO "intakes" VALUES(4242,'{"user_id": 1}',1800000000.0,NULL,1,NULL);
CREATE TABLE jobs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	interaction_id BIGINT NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	user_id BIGINT NOT NULL, 
	user_name VARCHAR(200) NOT NULL, 
	guild_id BIGINT, 
	channel_id BIGINT, 
	parent_job_id BIGINT, 
	inputs TEXT NOT NULL, 
	options TEXT NOT NULL, 
	target TEXT NOT NULL, 
	message_channel_id BIGINT, 
	message_id BIGINT, 
	speed_class VARCHAR(40) NOT NULL, 
	work DOUBLE NOT NULL, 
	predicted_seconds DOUBLE NOT NULL, 
	flow BIGINT NOT NULL, 
	band INTEGER NOT NULL, 
	user_start DOUBLE NOT NULL, 
	user_finish DOUBLE NOT NULL, 
	start DOUBLE NOT NULL, 
	finish DOUBLE NOT NULL, 
	progress TEXT, 
	progress_at DOUBLE, 
	preview_key VARCHAR(100), 
	checkpoint_key VARCHAR(100), 
	result_key VARCHAR(100), 
	timelapse_key VARCHAR(100), 
	report TEXT, 
	failure TEXT, 
	cancel_requested BOOLEAN NOT NULL, 
	attempts INTEGER NOT NULL, 
	deaths INTEGER NOT NULL, 
	fence INTEGER NOT NULL, 
	engine_id VARCHAR(100), 
	lease_expires_at DOUBLE, 
	claimed_at DOUBLE, 
	created_at DOUBLE NOT NULL, 
	started_at DOUBLE, 
	ended_at DOUBLE, 
	counted BOOLEAN NOT NULL, 
	revision INTEGER NOT NULL, 
	shown_revision INTEGER NOT NULL, 
	delivered_at DOUBLE, 
	delivered_how VARCHAR(100), 
	delivery_attempts INTEGER NOT NULL, 
	pictures_deleted_at DOUBLE, 
	erased_at DOUBLE, application_id BIGINT, message_removed_at DOUBLE, pictures INTEGER DEFAULT 1 NOT NULL, notified_at DOUBLE, delete_after DOUBLE, cancelled_by BIGINT, back_until DOUBLE, network VARCHAR(40), instead_of_seconds DOUBLE, 
	CONSTRAINT ck_jobs_running_has_lease CHECK ((state = 'running') = (engine_id IS NOT NULL AND lease_expires_at IS NOT NULL)), 
	CONSTRAINT ck_jobs_ended_has_time CHECK ((state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)), 
	CONSTRAINT ck_jobs_done_has_result CHECK (state <> 'done' OR result_key IS NOT NULL OR pictures_deleted_at IS NOT NULL), 
	CONSTRAINT ck_jobs_failed_has_reason CHECK (state <> 'failed' OR failure IS NOT NULL), 
	CONSTRAINT ck_jobs_known_state CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')), 
	CONSTRAINT ck_jobs_delivered_has_ended CHECK (delivered_at IS NULL OR ended_at IS NOT NULL), 
	CONSTRAINT ck_jobs_shown_is_past CHECK (shown_revision <= revision), 
	CONSTRAINT ck_jobs_work_positive CHECK (work > 0), 
	CONSTRAINT uq_jobs_interaction_id UNIQUE (interaction_id)
);
INSERT INTO "jobs" VALUES(1,1,'done',1,'user 1',5,77,NULL,'{"content":"a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png","styles":[{"picture":null,"preset":"starry-night","is_content":false,"weight":1.0,"region":null}],"mask":null,"style_masks":[],"start":null}','{"size_px":256,"quality":"standard","strength":0.5,"style_scale":1.0,"keep_colors":"no","keep_colors_strength":1.0,"start":"content","start_noise":0.0,"seed":0,"timelapse":false,"recipe":"atelier","network":"auto","content_layers":null,"style_layers":null,"content_weight":null,"style_weight":null,"tv_weight":null,"style_statistic":null,"style_fit":null,"pooling":null,"optimizer":null,"iterations":null,"scales":null,"min_improvement":null,"tile_px":null}','{"application_id":1,"interaction_id":1,"interaction_token":"token","token_expires_at":"2027-01-15T00:00:00Z","channel_id":77,"message_id":null,"guild_id":5,"ephemeral":false,"spoiler":false,"bot_in_channel":true,"locale":"en-US","upload_limit_bytes":10485760}',2,1,'standard/16',0.065536,7.86431999999999931105e+00,5,2,0.0,7.86431999999999931105e+00,0.0,7.86431999999999931105e+00,'{"iteration":1,"iterations_total":2,"fraction":0.5,"seconds_left":3.0,"preview_key":"a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png","note":"painting"}',1800000000.0,'a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png',NULL,'8c67bf3e7f711e1b28ff72c669b70755cc53f256f6406e8aebb49222370f06ee.png',NULL,'{"network":"lite","device":"cpu","precision":"fp32","width_px":256,"height_px":192,"seconds":12.0,"iterations":300,"seed":7,"extra":{}}',NULL,0,1,0,1,NULL,NULL,1800000000.0,1800000000.0,1800000000.0,1800000020.0,1,4,4,1800000020.0,'edit',0,NULL,NULL,NULL,NULL,1,NULL,NULL,NULL,NULL,'lite',720.0);
INSERT INTO "jobs" VALUES(2,2,'failed',2,'user 2',5,77,NULL,'{"content":"a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png","styles":[{"picture":null,"preset":"starry-night","is_content":false,"weight":1.0,"region":null}],"mask":null,"style_masks":[],"start":null}','{"size_px":256,"quality":"standard","strength":0.5,"style_scale":1.0,"keep_colors":"no","keep_colors_strength":1.0,"start":"content","start_noise":0.0,"seed":0,"timelapse":false,"recipe":"atelier","network":"auto","content_layers":null,"style_layers":null,"content_weight":null,"style_weight":null,"tv_weight":null,"style_statistic":null,"style_fit":null,"pooling":null,"optimizer":null,"iterations":null,"scales":null,"min_improvement":null,"tile_px":null}','{"application_id":1,"interaction_id":2,"interaction_token":"token","token_expires_at":"2027-01-15T00:00:00Z","channel_id":77,"message_id":null,"guild_id":5,"ephemeral":false,"spoiler":false,"bot_in_channel":true,"locale":"en-US","upload_limit_bytes":10485760}',77,NULL,'standard/16',0.065536,7.86431999999999931105e+00,5,2,0.0,7.86431999999999931105e+00,7.86431999999999931105e+00,1.57286399999999986225e+01,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{"kind":"engine","message":"The painter ran out of memory; please try a smaller size.","error_id":"e-1"}',0,1,0,1,NULL,NULL,1800000020.0,1800000000.0,1800000020.0,1800000020.0,0,3,0,NULL,NULL,0,NULL,NULL,1,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(3,3,'running',1,'user 1',5,77,NULL,'{"content":"a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png","styles":[{"picture":null,"preset":"starry-night","is_content":false,"weight":1.0,"region":null}],"mask":null,"style_masks":[],"start":null}','{"size_px":256,"quality":"standard","strength":0.5,"style_scale":1.0,"keep_colors":"no","keep_colors_strength":1.0,"start":"content","start_noise":0.0,"seed":0,"timelapse":false,"recipe":"atelier","network":"auto","content_layers":null,"style_layers":null,"content_weight":null,"style_weight":null,"tv_weight":null,"style_statistic":null,"style_fit":null,"pooling":null,"optimizer":null,"iterations":null,"scales":null,"min_improvement":null,"tile_px":null}','{"application_id":1,"interaction_id":3,"interaction_token":"token","token_expires_at":"2027-01-15T00:00:00Z","channel_id":77,"message_id":null,"guild_id":5,"ephemeral":false,"spoiler":false,"bot_in_channel":true,"locale":"en-US","upload_limit_bytes":10485760}',77,NULL,'standard/16',0.145536,7.86431999999999931105e+00,5,2,7.86431999999999931105e+00,1.57286399999999986225e+01,1.57286399999999986225e+01,2.35929599999999979327e+01,NULL,NULL,NULL,'a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png',NULL,NULL,NULL,NULL,0,1,0,1,'engine',1800000050.0,1800000020.0,1800000000.0,1800000020.0,NULL,1,2,0,NULL,NULL,0,NULL,NULL,1,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(4,4,'cancelled',1,'user 1',5,77,NULL,'{"content":"a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png","styles":[{"picture":null,"preset":"starry-night","is_content":false,"weight":1.0,"region":null}],"mask":null,"style_masks":[],"start":null}','{"size_px":256,"quality":"standard","strength":0.5,"style_scale":1.0,"keep_colors":"no","keep_colors_strength":1.0,"start":"content","start_noise":0.0,"seed":0,"timelapse":false,"recipe":"atelier","network":"auto","content_layers":null,"style_layers":null,"content_weight":null,"style_weight":null,"tv_weight":null,"style_statistic":null,"style_fit":null,"pooling":null,"optimizer":null,"iterations":null,"scales":null,"min_improvement":null,"tile_px":null}','{"application_id":1,"interaction_id":4,"interaction_token":"token","token_expires_at":"2027-01-15T00:00:00Z","channel_id":77,"message_id":null,"guild_id":5,"ephemeral":false,"spoiler":false,"bot_in_channel":true,"locale":"en-US","upload_limit_bytes":10485760}',77,NULL,'standard/16',0.065536,7.86431999999999931105e+00,5,2,1.57286399999999986225e+01,0.0,2.35929599999999979327e+01,0.0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,0,0,0,NULL,NULL,NULL,1800000000.0,NULL,1800000020.0,0,2,0,NULL,NULL,0,NULL,NULL,1,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "jobs" VALUES(5,5,'queued',4,'user 4',5,77,NULL,'{"content":"a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png","styles":[{"picture":null,"preset":"starry-night","is_content":false,"weight":1.0,"region":null}],"mask":null,"style_masks":[],"start":null}','{"size_px":256,"quality":"standard","strength":0.5,"style_scale":1.0,"keep_colors":"no","keep_colors_strength":1.0,"start":"content","start_noise":0.0,"seed":0,"timelapse":false,"recipe":"atelier","network":"auto","content_layers":null,"style_layers":null,"content_weight":null,"style_weight":null,"tv_weight":null,"style_statistic":null,"style_fit":null,"pooling":null,"optimizer":null,"iterations":null,"scales":null,"min_improvement":null,"tile_px":null}','{"application_id":1,"interaction_id":5,"interaction_token":"token","token_expires_at":"2027-01-15T00:00:00Z","channel_id":77,"message_id":null,"guild_id":5,"ephemeral":false,"spoiler":false,"bot_in_channel":true,"locale":"en-US","upload_limit_bytes":10485760}',77,NULL,'standard/16',0.145536,12.0,5,2,7.86431999999999931105e+00,19.86432,2.35929599999999979327e+01,35.59296,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,0,0,0,NULL,NULL,NULL,1800000020.0,NULL,NULL,1,1,0,NULL,NULL,0,NULL,NULL,1,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE pauses (
	guild_id BIGINT NOT NULL, 
	by_user BIGINT NOT NULL, 
	at DOUBLE NOT NULL, 
	CONSTRAINT pk_pauses PRIMARY KEY (guild_id)
);
INSERT INTO "pauses" VALUES(8,9,1800000000.0);
CREATE TABLE picture_sizes (
	"key" VARCHAR(100) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	CONSTRAINT pk_picture_sizes PRIMARY KEY ("key")
);
INSERT INTO "picture_sizes" VALUES('0000000000000000000000000000000000000000000000000000000000000000.png',123);
CREATE TABLE picture_uses (
	job_id INTEGER NOT NULL, 
	role VARCHAR(20) NOT NULL, 
	"key" VARCHAR(100) NOT NULL, 
	CONSTRAINT pk_picture_uses PRIMARY KEY (job_id, role), 
	CONSTRAINT fk_picture_uses_job_id FOREIGN KEY(job_id) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "picture_uses" VALUES(1,'input:0','a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png');
INSERT INTO "picture_uses" VALUES(2,'input:0','a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png');
INSERT INTO "picture_uses" VALUES(3,'input:0','a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png');
INSERT INTO "picture_uses" VALUES(4,'input:0','a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png');
INSERT INTO "picture_uses" VALUES(1,'preview','a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png');
INSERT INTO "picture_uses" VALUES(1,'result','8c67bf3e7f711e1b28ff72c669b70755cc53f256f6406e8aebb49222370f06ee.png');
INSERT INTO "picture_uses" VALUES(3,'checkpoint','a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png');
INSERT INTO "picture_uses" VALUES(5,'input:0','a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png');
CREATE TABLE speeds (
	engine_kind VARCHAR(450) NOT NULL, 
	speed_class VARCHAR(40) NOT NULL, 
	seconds_per_work DOUBLE NOT NULL, 
	samples INTEGER NOT NULL, 
	updated_at DOUBLE NOT NULL, 
	CONSTRAINT pk_speeds PRIMARY KEY (engine_kind, speed_class)
);
INSERT INTO "speeds" VALUES('host|cpu|lite','standard/16',6.96853320118929673307e+01,1,1800000020.0);
CREATE TABLE user_styles (
	id INTEGER NOT NULL, 
	scope VARCHAR(5) NOT NULL, 
	owner_id BIGINT NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	name_key VARCHAR(200) NOT NULL, 
	picture_key VARCHAR(100) NOT NULL, 
	by_user BIGINT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	CONSTRAINT pk_user_styles PRIMARY KEY (id), 
	CONSTRAINT ck_user_styles_known_scope CHECK (scope IN ('user', 'guild'))
);
INSERT INTO "user_styles" VALUES(1,'user',1,'Waves','waves','a249e87e1e6113da81cdd8a154c222283fbcceff6dd3727a63bf97eee562dfb3.png',1,1800000000.0);
CREATE TABLE weekly_styles (
	guild_id BIGINT NOT NULL, 
	style VARCHAR(100) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	channel_id BIGINT NOT NULL, 
	message_id BIGINT, 
	by_user BIGINT NOT NULL, 
	began_at DOUBLE NOT NULL, 
	ends_at DOUBLE NOT NULL, 
	ended_at DOUBLE, 
	CONSTRAINT pk_weekly_styles PRIMARY KEY (guild_id)
);
CREATE INDEX ix_audit_guild ON audit (guild_id, id);
CREATE INDEX ix_jobs_ended ON jobs (ended_at);
CREATE INDEX ix_jobs_flow_finish ON jobs (flow, finish);
CREATE INDEX ix_jobs_flow_queue ON jobs (flow, band, user_start, id, start) WHERE state = 'queued';
CREATE INDEX ix_jobs_flow_started ON jobs (flow, band, user_start) WHERE started_at IS NOT NULL;
CREATE INDEX ix_jobs_flow_user ON jobs (flow, user_id, user_finish);
CREATE INDEX ix_jobs_guild_created ON jobs (guild_id, created_at);
CREATE INDEX ix_jobs_lease ON jobs (lease_expires_at) WHERE state = 'running';
CREATE INDEX ix_jobs_started ON jobs (start) WHERE started_at IS NOT NULL;
CREATE INDEX ix_jobs_undelivered ON jobs (id) WHERE delivered_at IS NULL;
CREATE INDEX ix_jobs_user_created ON jobs (user_id, created_at);
CREATE UNIQUE INDEX ix_user_styles_owner ON user_styles (scope, owner_id, name_key);
CREATE INDEX ix_user_styles_picture_key ON user_styles (picture_key);
CREATE INDEX ix_events_job_id ON events (job_id);
CREATE INDEX ix_picture_uses_key ON picture_uses ("key");
CREATE TRIGGER jobs_transitions BEFORE UPDATE OF state ON jobs WHEN OLD.state <> NEW.state AND NOT ((OLD.state = 'queued' AND NEW.state IN ('running', 'cancelled', 'failed')) OR (OLD.state = 'running' AND NEW.state IN ('queued', 'done', 'failed', 'cancelled')) OR (OLD.state IN ('failed', 'cancelled') AND NEW.state = 'queued')) BEGIN SELECT RAISE(ABORT, 'a job cannot change its state like this'); END;
CREATE INDEX ix_cleared_jobs_clear_id ON cleared_jobs (clear_id);
CREATE INDEX ix_intakes_user_id ON intakes (user_id);
CREATE INDEX ix_intake_uses_key ON intake_uses ("key");
CREATE INDEX ix_jobs_message_id ON jobs (message_id);
CREATE INDEX ix_jobs_delivered_at ON jobs (delivered_at);
CREATE INDEX ix_jobs_delete_after ON jobs (delete_after) WHERE delete_after IS NOT NULL;
CREATE INDEX ix_jobs_queue ON jobs (start, id, flow, speed_class, work, network, state) WHERE state = 'queued';
CREATE INDEX ix_engines_pace ON engines (pace);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('jobs',5);
COMMIT;
