package launch

// SQL is the database as it is seen by whoever connects to it.
type SQL struct {
	Enabled     bool         `yaml:"enabled" doc:"The application keeps its data in PostgreSQL, and the gates reach it. Where it is false, each of its gates needs a decision that declares it not applicable."`
	DSN         Secret       `yaml:"dsn" doc:"Connection string of the gates' own role, as a secret: reference: postgres://…?sslmode=verify-full&sslrootcert=…. The role needs pg_monitor, and SELECT on what is counted."`
	Tunnel      HostPort     `yaml:"tunnel" doc:"Where connections go instead, such as 127.0.0.1:15432 of an SSM or SSH tunnel; the certificate must still be that of the DSN's host."`
	Replicas    []SQLReplica `yaml:"replicas" doc:"Every streaming standby; absent: it must have none."`
	Schemas     []string     `yaml:"schemas" doc:"The application's schemas. Default: public."`
	Tables      []string     `yaml:"tables" doc:"Tables that must be there, such as aml_alerts; in public where no schema is named."`
	SchemaSHA   string       `yaml:"schema_sha256" doc:"Hash of all that the schemas are made of, as the evidence of TMinus2/App/Schema shows it; absent: not compared."`
	Demo        []SQLCount   `yaml:"demo" doc:"What must not be in production's tables."`
	Logins      []SQLLogin   `yaml:"demo_logins" doc:"Logins of a demonstration, which must be refused. Absent: the application has no login with a password."`
	Role        SQLRole      `yaml:"role"`
	Transaction Duration     `yaml:"longest_transaction" default:"1m" doc:"The longest that a transaction may be open when a migration begins."`
}

// SQLReplica is one streaming standby.
type SQLReplica struct {
	Name   string   `yaml:"name" required:"true" doc:"Its application_name in pg_stat_replication at the primary."`
	DSN    Secret   `yaml:"dsn" doc:"Connection string of the gates' own role."`
	Tunnel HostPort `yaml:"tunnel" doc:"Where connections go instead."`
}

// SQLCount is a query that must count nothing.
type SQLCount struct {
	Name  string `yaml:"name" required:"true" doc:"What is counted, such as demo accounts."`
	Query string `yaml:"query" required:"true" doc:"A query that only reads and gives one number, which must be 0."`
}

// SQLLogin is a request that must not log anybody in.
type SQLLogin struct {
	Name string `yaml:"name" required:"true" doc:"Whose it is, such as anna."`
	URL  URL    `yaml:"url" required:"true" doc:"Where the login page sends it, by POST."`
	Type string `yaml:"content_type" default:"application/json"`
	Body Secret `yaml:"body" required:"true" doc:"What the login page sends, name and password included."`
}

// SQLRole is the role that the application connects as.
type SQLRole struct {
	Name  string   `yaml:"name"`
	Owner bool     `yaml:"owner" doc:"The application migrates as the same role, and so owns its tables."`
	Needs []string `yaml:"needs" doc:"\"<privileges> <table>\": what it must be able to do, such as \"SELECT, INSERT account\"."`
	Never []string `yaml:"never" doc:"The same form: what it must not be able to do, such as \"UPDATE, DELETE audit_log\"."`
}
