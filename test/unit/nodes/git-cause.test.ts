import { expect, it } from 'vitest';
import { causeByGit } from '#drift/nodes/git-cause.ts';

const ROLE = { path: 'ansible/roles/kubelet/tasks/main.yml:7', src: 'kubelet.j2' };
const PLAYBOOK = { path: 'site.yml:7', src: 'motd' };

it.each<[string, { readonly path: string; readonly src?: string }, readonly string[] | null, string]>([
  ['nothing is known of git', ROLE, null, 'unclear'],
  ['git did not move', ROLE, [], 'out-of-band'],
  [
    'something else moved',
    ROLE,
    ['terraform/main.tf', 'README.md', 'ansible/roles/etcd/templates/etcd.j2'],
    'out-of-band',
  ],
  ['the template moved', ROLE, ['ansible/roles/kubelet/templates/kubelet.j2'], 'pending'],
  ['defaults of the role moved', ROLE, ['ansible/roles/kubelet/defaults/main.yml'], 'pending'],
  ['variables of the role moved', ROLE, ['ansible/roles/kubelet/vars/Debian.yml'], 'pending'],
  ['another template of the role moved', ROLE, ['ansible/roles/kubelet/templates/proxy.j2'], 'unclear'],
  ['other tasks of the role moved', ROLE, ['ansible/roles/kubelet/tasks/proxy.yml'], 'unclear'],
  ['the task moved', ROLE, ['ansible/roles/kubelet/tasks/main.yml'], 'pending'],
  ['a role whose name begins alike moved', ROLE, ['ansible/roles/kubelet-old/files/x'], 'out-of-band'],
  ['variables of a group moved', ROLE, ['ansible/group_vars/prod.yml'], 'unclear'],
  ['defaults of another role moved', ROLE, ['ansible/roles/etcd/defaults/main.yml'], 'unclear'],
  ['a filter moved', ROLE, ['ansible/filter_plugins/net.py'], 'unclear'],
  ['a collection may be another', ROLE, ['requirements.yml'], 'unclear'],
  ['the file moved', PLAYBOOK, ['files/motd'], 'pending'],
  ['a file in the folder that is copied moved', { path: 'site.yml:1', src: 'conf.d' }, ['files/conf.d/a/b'], 'pending'],
  ['the playbook moved', PLAYBOOK, ['site.yml'], 'pending'],
  ['another playbook moved', PLAYBOOK, ['other.yml'], 'unclear'],
  ['the playbook of the role moved', ROLE, ['ansible/site.yml'], 'unclear'],
  ['only our own config moved', ROLE, ['plumbline.yaml', '.gitlab-ci.yml'], 'out-of-band'],
  ['the inventory moved', PLAYBOOK, ['inventories/prod/hosts.ini'], 'unclear'],
])('%s: %#', (_, task, changed, cause) => {
  expect(causeByGit(task, changed)).toBe(cause);
});
