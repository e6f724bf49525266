package launch

// Drill is how the recovery of the database is tried: `launchgate drill` restores it to a server of its own, compares it with the
// live one, and removes it. The gates read the report.
type Drill struct {
	Source  string       `yaml:"source" default:"rds" enum:"rds,dump,base" doc:"What is restored: the snapshots and the log of database.instance, the newest file of drill.dumps, or the newest base backup with its WAL."`
	URL     Secret       `yaml:"url" doc:"Connection string to the live database, as a secret: reference. Its role reads the tables and writes rows of launchgate_mark."`
	Tables  []DrillTable `yaml:"tables" doc:"Tables that only grow, whose rows are counted and compared."`
	Dir     string       `yaml:"dir" default:"drills" placeholder:"VERIFY_DATE" doc:"Folder with the reports, by environment, which say when; they are committed."`
	State   string       `yaml:"state" default:"state/drills" doc:"Folder of what is under way, by which the next run removes what a killed one left."`
	RTO     Duration     `yaml:"rto" default:"60m" doc:"How soon the database must be back, from the first call to the last look."`
	RPO     Duration     `yaml:"rpo" default:"26h" doc:"How old the newest backup may be."`
	LogRPO  Duration     `yaml:"log_rpo" default:"10m" doc:"How soon what was written must be restorable."`
	Days    int          `yaml:"days" default:"30" doc:"How old a report may be."`
	Dumps   string       `yaml:"dumps" doc:"Folder with dumps of pg_dump -Fc."`
	Base    string       `yaml:"base" doc:"Folder with base backups of pg_basebackup, a folder each."`
	Archive string       `yaml:"archive" doc:"Folder with the WAL segments."`
	Subnets string       `yaml:"subnet_group" doc:"DB subnet group of the restored instance; absent: that of the database."`
	Groups  []string     `yaml:"security_groups" doc:"Security groups of the restored instance; absent: those of the database."`
}

// DrillTable is a table whose rows are never changed once they are written.
type DrillTable struct {
	Name    string   `yaml:"name" required:"true" doc:"Such as payments or ledger.entries."`
	Key     string   `yaml:"key" default:"id" doc:"A column that grows with every row."`
	Columns []string `yaml:"columns" required:"true" doc:"The columns that are compared: those that nothing changes."`
}
