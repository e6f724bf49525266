package launch

// GitHub is where the application's repository is.
type GitHub struct {
	Repository  string   `yaml:"repository" doc:"The application's repository, as owner/name. Absent: the gates that read it are BLOCKED."`
	API         URL      `yaml:"api" default:"https://api.github.com" doc:"GitHub Enterprise Server has another one."`
	Token       Secret   `yaml:"token" doc:"Token that may read the repository's contents, checks, pull requests, environments and administration."`
	Environment string   `yaml:"environment" default:"production" doc:"The deployment environment that guards the way to production."`
	Refs        []string `yaml:"deploy_refs" doc:"Branches, or patterns of the environment's branch policy, that may be deployed to it; of a tag policy as refs/tags/<pattern>. Default: the default branch."`
}

// CI is what must have been green for the commit that is launched.
type CI struct {
	Required []string `yaml:"required" doc:"Check runs that must have succeeded, as GitHub shows their names."`
	App      string   `yaml:"app" default:"github-actions" doc:"Slug of the GitHub app whose check runs count; others may have the same names."`
	Statuses []string `yaml:"statuses" doc:"Contexts of commit statuses that must be a success too, where other systems set them."`
}
