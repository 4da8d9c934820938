package github

import (
	"fmt"
	"hash/crc32"
	"net/url"
	"strings"
)

// Objects that other answers hold, with every field that the REST description
// requires of them. Addresses that lead to calls which the stand-in does not
// have are there too: a client may check the form of what it gets.

// nodeID is the id of GitHub's GraphQL API. Its form is opaque.
func nodeID(kind string, id int64) string { return fmt.Sprintf("%s_%08x", kind, id) }

// userView is an account: a person or an organisation, whose number follows
// from its login.
func userView(login, kind string) map[string]any {
	id := int64(crc32.ChecksumIEEE([]byte(strings.ToLower(login))))
	at := "https://" + Host + "/users/" + login
	return map[string]any{"login": login, "id": id, "node_id": nodeID("U", id), "type": kind, "site_admin": false, "gravatar_id": "",
		"avatar_url": fmt.Sprintf("https://avatars.githubusercontent.com/u/%d?v=4", id), "html_url": "https://github.com/" + login, "url": at,
		"events_url": at + "/events{/privacy}", "followers_url": at + "/followers", "following_url": at + "/following{/other_user}",
		"gists_url": at + "/gists{/gist_id}", "organizations_url": at + "/orgs", "received_events_url": at + "/received_events",
		"repos_url": at + "/repos", "starred_url": at + "/starred{/owner}{/repo}", "subscriptions_url": at + "/subscriptions"}
}

// repoURLs are the addresses below a repository, by field.
func repoURLs() map[string]string {
	return map[string]string{
		"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}", "branches_url": "/branches{/branch}",
		"collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}", "commits_url": "/commits{/sha}",
		"compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}", "contributors_url": "/contributors", "deployments_url": "/deployments",
		"downloads_url": "/downloads", "events_url": "/events", "forks_url": "/forks", "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}",
		"git_tags_url": "/git/tags{/sha}", "hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
		"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}", "languages_url": "/languages", "merges_url": "/merges",
		"milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}", "pulls_url": "/pulls{/number}",
		"releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}", "subscribers_url": "/subscribers",
		"subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams", "trees_url": "/git/trees{/sha}", "url": ""}
}

func (r *repo) url() string  { return "https://" + Host + "/repos/" + r.full() }
func (r *repo) page() string { return "https://github.com/" + r.full() }

// minimal is the repository as lists and runs hold it.
func (r *repo) minimal() map[string]any {
	v := map[string]any{"id": r.id, "node_id": nodeID("R", r.id), "name": r.name, "full_name": r.full(), "private": !r.public, "archived": r.archived,
		"fork": false, "description": nil, "html_url": r.page(), "default_branch": r.branches[0], "owner": userView(r.owner, "Organization")}
	for field, below := range repoURLs() {
		v[field] = r.url() + below
	}
	return v
}

// brief is the environment as waiting deployments hold it.
func (e *environment) brief(r *repo) map[string]any {
	return map[string]any{"id": e.id, "node_id": nodeID("EN", e.id), "name": e.name, "url": r.url() + "/environments/" + url.PathEscape(e.name),
		"html_url": r.page() + "/deployments/activity_log?environments_filter=" + url.QueryEscape(e.name)}
}

func (e *environment) view(r *repo) map[string]any {
	v := e.brief(r)
	v["created_at"], v["updated_at"], v["protection_rules"] = second(e.createdAt), second(e.createdAt), []any{}
	return v
}
