package github_test

import "strings"

// The fields that the REST description requires, by its names of schemas.

func minimalRepository() []string {
	return strings.Fields(`archive_url assignees_url blobs_url branches_url collaborators_url comments_url commits_url compare_url contents_url
		contributors_url deployments_url description downloads_url events_url fork forks_url full_name git_commits_url git_refs_url git_tags_url
		hooks_url html_url id node_id issue_comment_url issue_events_url issues_url keys_url labels_url languages_url merges_url milestones_url
		name notifications_url owner private pulls_url releases_url stargazers_url statuses_url subscribers_url subscription_url tags_url
		teams_url trees_url url`)
}

func simpleUser() []string {
	return strings.Fields(`avatar_url events_url followers_url following_url gists_url gravatar_id html_url id node_id login organizations_url
		received_events_url repos_url site_admin starred_url subscriptions_url type url`)
}

func workflowRun() []string {
	return strings.Fields(`id node_id head_branch run_number display_title event status conclusion head_sha path workflow_id url html_url
		created_at updated_at head_commit head_repository repository jobs_url logs_url check_suite_url cancel_url rerun_url artifacts_url
		workflow_url pull_requests`)
}

func workflow() []string {
	return strings.Fields(`id node_id name path state url html_url badge_url created_at updated_at`)
}

func job() []string {
	return strings.Fields(`id node_id run_id run_url head_sha workflow_name head_branch name url html_url status conclusion started_at
		completed_at check_run_url labels runner_id runner_name runner_group_id runner_group_name created_at`)
}
