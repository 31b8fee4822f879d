import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type ControlPlane, openControlPlane } from '#testing/control-plane.ts'
import { olderKubectl, realClients } from '#testing/real-clients.ts'

/** `kubectl-33.test.ts` loads this file once more, for a client of that version. */
const older = new URL(import.meta.url).searchParams.get('kubectl')
const { kubectl: program, missing: skip } = older === '33' ? olderKubectl(33) : realClients()
let plane: ControlPlane

before(async () => {
  if (!skip) plane = await openControlPlane()
})
after(async () => {
  await plane?.[Symbol.asyncDispose]()
})

/** One word per blank; words with blanks come as an array. */
async function kubectl(line: string | readonly string[], stdin?: string) {
  const words = typeof line === 'string' ? line.split(' ') : line
  return plane.run(program, words, { ...(stdin !== undefined && { stdin }) })
}

/** What it prints when it succeeds. */
async function ok(line: string | readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await kubectl(line, stdin)
  assert.equal(code, 0, `kubectl ${line}: ${stderr}${stdout}`)
  return stdout.trimEnd()
}

/** What it complains when it fails. */
async function refused(line: string | readonly string[], stdin?: string): Promise<string> {
  const { code, stderr } = await kubectl(line, stdin)
  assert.equal(code, 1, `kubectl ${line} succeeded`)
  return stderr.trimEnd()
}

/** Each line and what it prints; older clients do not say out of which namespace they delete. */
async function prints(table: readonly (readonly [line: string, printed: string])[]): Promise<void> {
  for (const [line, printed] of table) {
    assert.equal(await ok(line), older ? printed.replaceAll(/(deleted) from \S+ namespace$/gm, '$1') : printed, line)
  }
}

async function namespace(name: string): Promise<void> {
  await ok(`create namespace ${name}`)
  await ok(`config set-context --current --namespace ${name}`)
}

function file(name: string, content: unknown): string {
  const path = join(plane.files, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const table = (text: string) => text.split('\n').map((line) => line.split(/\s{2,}/).filter(Boolean))

test('kubectl knows what there is', { skip }, async () => {
  const resources = table(await ok('api-resources --no-headers'))
  assert.deepEqual(
    resources.find(([name]) => name === 'deployments'),
    ['deployments', 'deploy', 'apps/v1', 'true', 'Deployment'],
  )
  assert((await ok('api-versions')).split('\n').includes('rbac.authorization.k8s.io/v1'))
  assert.match(await ok('version'), /^Server Version: v1\.36\.0/m)
  assert.match(await ok('explain pod.spec.containers.resources'), /^FIELD: resources <ResourceRequirements>$/m)
  assert.match(await refused('explain deployment.spec.nope'), /^error: field "nope" does not exist$/m)
  assert.match(await ok('cluster-info'), /control plane.* is running at/)
  assert.match(await refused('get nothings'), /the server doesn't have a resource type "nothings"/)
  assert.equal(await ok('get --raw /readyz'), 'ok')
})

test('kubectl create makes every kind it has a generator for', { skip }, async () => {
  await namespace('generators')
  await prints([
    ['create configmap c --from-literal=a=b', 'configmap/c created'],
    ['create secret generic s --from-literal=a=b', 'secret/s created'],
    ['create secret docker-registry d --docker-server=x.example --docker-username=u --docker-password=p', 'secret/d created'],
    ['create serviceaccount bot', 'serviceaccount/bot created'],
    ['create deployment web --image=example/web --replicas=2 --port=80', 'deployment.apps/web created'],
    ['create service clusterip web --tcp=80:8080', 'service/web created'],
    ['create service nodeport np --tcp=80:8080 --node-port=30080', 'service/np created'],
    ['create service externalname ex --external-name=example.com', 'service/ex created'],
    ['create service loadbalancer lb --tcp=80:8080', 'service/lb created'],
    ['create role r --verb=get,list --resource=pods', 'role.rbac.authorization.k8s.io/r created'],
    ['create rolebinding rb --role=r --serviceaccount=generators:bot', 'rolebinding.rbac.authorization.k8s.io/rb created'],
    ['create clusterrole cr --verb=get --resource=nodes', 'clusterrole.rbac.authorization.k8s.io/cr created'],
    ['create clusterrolebinding crb --clusterrole=cr --user=jane', 'clusterrolebinding.rbac.authorization.k8s.io/crb created'],
    ['create priorityclass pc --value=1000', 'priorityclass.scheduling.k8s.io/pc created'],
    ['run lone --image=example/lone --labels=a=b --port=80', 'pod/lone created'],
    ['expose deployment web --name=web2 --port=80', 'service/web2 exposed'],
  ])
  const service = table(await ok('get service np'))
  assert.deepEqual(service[0], ['NAME', 'TYPE', 'CLUSTER-IP', 'EXTERNAL-IP', 'PORT(S)', 'AGE'])
  assert.deepEqual(service[1]?.slice(3, 5), ['<none>', '80:30080/TCP'])
  assert.equal(
    await refused('create configmap c --from-literal=a=b'),
    'error: failed to create configmap: configmaps "c" already exists',
  )
})

test('kubectl apply creates, configures, and then changes nothing', { skip }, async () => {
  await namespace('applying')
  const configMap = (data: object) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data })
  const path = file('a.json', configMap({ one: '1', two: '2' }))
  await prints([
    [`apply -f ${path}`, 'configmap/a created'],
    [`apply -f ${path}`, 'configmap/a unchanged'],
    [`apply -f ${path} --dry-run=server`, 'configmap/a unchanged (server dry run)'],
  ])
  file('a.json', configMap({ two: '3' }))
  assert.equal((await kubectl(`diff -f ${path}`)).code, 1)
  await prints([
    [`apply -f ${path}`, 'configmap/a configured'],
    ['get configmap a -o jsonpath={.data}', '{"two":"3"}'],
    [`replace -f ${path}`, 'configmap/a replaced'],
    [`delete -f ${path}`, 'configmap "a" deleted from applying namespace'],
    ['create configmap dry --dry-run=server', 'configmap/dry created (server dry run)'],
  ])
  assert.equal(await refused('get configmap dry'), 'Error from server (NotFound): configmaps "dry" not found')
})

test('kubectl is told of fields that do not exist', { skip }, async () => {
  await namespace('strict')
  const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"dta":{"a":"b"}}'
  const problem = 'strict decoding error: unknown field "dta"'
  const wrong = `ConfigMap in version "v1" cannot be handled as a ConfigMap: ${problem}`
  const place = 'Error from server (BadRequest): error when creating "STDIN"'
  assert.equal(await refused('create -f -', body), `${place}: ${wrong}`)
  const warned = await kubectl('create -f - --validate=warn', body)
  assert.equal(warned.stderr, 'Warning: unknown field "dta"\n')
  assert.equal(await ok('apply -f - --validate=ignore', body), 'configmap/a configured')
  const invalid = await refused('create deployment X --image=i')
  assert.match(invalid, /Deployment\.apps "X" is invalid: metadata\.name: Invalid value: "X": a lowercase RFC 1123 subdomain/)
})

test('kubectl labels, annotates, patches, edits', { skip }, async () => {
  await namespace('changing')
  await ok('run p --image=example/p')
  await ok('create deployment d --image=example/d --replicas=0')
  await prints([
    ['label pod p a=b', 'pod/p labeled'],
    ['label pod p a=c --overwrite', 'pod/p labeled'],
    ['label pod p a-', 'pod/p unlabeled'],
    ['annotate pod p a=b', 'pod/p annotated'],
    ['patch pod p -p {"metadata":{"labels":{"q":"1"}}}', 'pod/p patched'],
    ['patch pod p --type=merge -p {"metadata":{"labels":{"q":null}}}', 'pod/p patched'],
    ['patch pod p --type=merge -p {"metadata":{"labels":{"q":null}}}', 'pod/p patched (no change)'],
    ['patch pod p --type=json -p [{"op":"add","path":"/metadata/labels/r","value":"2"}]', 'pod/p patched'],
    ['set image deployment/d d=example/d:2', 'deployment.apps/d image updated'],
    ['set env deployment/d A=b', 'deployment.apps/d env updated'],
    ['scale deployment d --replicas=1', 'deployment.apps/d scaled'],
    ['patch deployment d --subresource=scale --type=merge -p {"spec":{"replicas":2}}', 'scale.autoscaling/d patched'],
  ])
  assert.deepEqual(table(await ok('get deployment d --subresource=scale'))[0], ['NAME', 'DESIRED', 'AVAILABLE', 'AGE'])
  const env = { EDITOR: "sed -i 's/replicas: 2/replicas: 3/'" }
  const edited = await plane.run(program, ['edit', 'deployment', 'd'], { env })
  assert.equal(edited.stdout, 'deployment.apps/d edited\n')
  assert.equal(await ok('get deployment d -o jsonpath={.spec.replicas}'), '3')
  const why = 'the server rejected our request due to an error in our request'
  const failing = 'patch pod p --type=json -p [{"op":"test","path":"/metadata/labels/r","value":"3"}]'
  assert.equal(await refused(failing), `The request is invalid: ${why}`)
})

test('kubectl debug adds a container, resize changes resources', { skip }, async () => {
  await namespace('parts')
  await ok(
    'run p --image=example/p --overrides={"spec":{"containers":[{"name":"p","image":"i","resources":{"requests":{"cpu":"1"}}}]}}',
  )
  await ok('debug p --image=example/tools --target=p --container=tools --attach=false')
  const [tools] = JSON.parse(await ok('get pod p -o jsonpath={.spec.ephemeralContainers}'))
  assert.deepEqual([tools.name, tools.targetContainerName], ['tools', 'p'])
  const patch = '{"spec":{"containers":[{"name":"p","resources":{"requests":{"cpu":"2"}}}]}}'
  assert.equal(await ok(`patch pod p --subresource=resize -p ${patch}`), 'pod/p patched')
  assert.equal(await ok('get pod p -o jsonpath={.spec.containers[0].resources.requests.cpu}'), '2')
  assert.match(
    await refused(`patch pod p -p ${patch.replace('"2"', '"3"')}`),
    /^The Pod "p" is invalid: spec: Forbidden: pod updates/,
  )
})

test('kubectl rollout tells and undoes', { skip }, async () => {
  await namespace('rollouts')
  await ok('create deployment d --image=example/d --replicas=0')
  await ok('rollout status deployment d --timeout=30s')
  await ok('set image deployment/d d=example/d:2')
  await ok('rollout status deployment d --timeout=30s')
  const history = table(await ok('rollout history deployment d'))
  assert.deepEqual(history.slice(2), [
    ['1', '<none>'],
    ['2', '<none>'],
  ])
  await prints([
    ['rollout undo deployment d', 'deployment.apps/d rolled back'],
    ['get deployment d -o jsonpath={.spec.template.spec.containers[0].image}', 'example/d'],
    ['rollout pause deployment d', 'deployment.apps/d paused'],
    ['rollout resume deployment d', 'deployment.apps/d resumed'],
    ['rollout restart deployment d', 'deployment.apps/d restarted'],
  ])
})

test('kubectl get prints in every way', { skip }, async () => {
  await namespace('getting')
  for (const [name, k] of Object.entries({ a: 3, b: 2, c: 1 })) await ok(`create configmap ${name} --from-literal=k=${k}`)
  await ok('label configmap a b x=y')
  await ok('wait --for=create configmap/kube-root-ca.crt --timeout=30s')
  await prints([
    ['get configmap -l x=y -o name', 'configmap/a\nconfigmap/b'],
    ['get configmap -l x!=y -o name', 'configmap/c\nconfigmap/kube-root-ca.crt'],
    ['get configmap --field-selector metadata.name=a -o name', 'configmap/a'],
    ['get configmap --chunk-size=1 -o name', 'configmap/a\nconfigmap/b\nconfigmap/c\nconfigmap/kube-root-ca.crt'],
    ['get configmap -l x -o jsonpath={.items[*].data.k}', '3 2'],
    ['get configmap -l x --sort-by=.data.k -o custom-columns=NAME:.metadata.name --no-headers', 'b\na'],
    ['get configmap a -o go-template={{.data.k}}', '3'],
    ['get pods', ''],
    ['get configmap none --ignore-not-found', ''],
  ])
  assert.deepEqual(table(await ok('get configmap a --show-labels'))[0], ['NAME', 'DATA', 'AGE', 'LABELS'])
  assert.deepEqual(table(await ok('get configmap a -L x'))[1]?.slice(-1), ['y'])
  assert.match(await ok('get configmap a -o yaml'), /^apiVersion: v1\ndata:\n {2}k: "3"\nkind: ConfigMap\nmetadata:\n/)
  assert.equal(JSON.parse(await ok('get configmap a -o json')).data.k, '3')
  assert.match(
    await refused('get configmap --field-selector spec.x=1'),
    /"spec\.x" is not a known field selector: only "metadata\.name", "metadata\.namespace"$/,
  )
  assert.match(await ok('describe configmap a'), /^k:\n----\n3$/m)
  assert.match(await ok('get all -A'), /^default +service\/kubernetes +ClusterIP +10\.96\.0\.1 /m)
})

test('kubectl watches and waits', { skip }, async () => {
  await namespace('waiting')
  const watching = plane.start(program, ['get', 'configmap', '-w', '-o', 'name'])
  try {
    await ok('create configmap a')
    await watching.until(/configmap\/a\n/)
    await ok('delete configmap a')
  } finally {
    await watching.stop()
  }
  await ok('run p --image=example/p')
  await prints([
    ['wait --for=jsonpath={.status.phase}=Pending pod/p --timeout=10s', 'pod/p condition met'],
    ['wait --for=delete pod/none --timeout=1s', ''],
    ['delete pod p', 'pod "p" deleted from waiting namespace'],
  ])
  assert.equal((await kubectl('get pods --request-timeout=1s -w')).code, 0)
})

test('kubectl events lists what happened', { skip }, async () => {
  await namespace('happening')
  const watching = plane.start(program, ['events', '--watch'])
  try {
    await ok('create deployment d --image=example/d')
    await watching.until(/Normal +ScalingReplicaSet +Deployment\/d +Scaled up replica set d-\w+ from 0 to 1/)
  } finally {
    await watching.stop()
  }
  assert.match(await ok('events --for deployment/d'), /ScalingReplicaSet/)
  assert.match(await ok('get events --field-selector involvedObject.name=d -o name'), /^event\/d\.\w+$/)
  assert.match(await ok('describe deployment d'), /Normal +ScalingReplicaSet /)
})

test('kubectl auth, tokens and impersonation', { skip }, async () => {
  await namespace('rights')
  await ok('create serviceaccount bot')
  await ok('create role r --verb=get,list --resource=pods')
  await ok('create rolebinding rb --role=r --serviceaccount=rights:bot')
  const bot = 'system:serviceaccount:rights:bot'
  await prints([
    ['auth can-i create pods', 'yes'],
    [`auth can-i list pods --as ${bot}`, 'yes'],
    ['auth whoami -o jsonpath={.status.userInfo.username} --as jane --as-group devs', 'jane'],
  ])
  assert.equal((await kubectl(`auth can-i list secrets --as ${bot}`)).stdout, 'no\n')
  const list = 'cannot list resource "secrets" in API group "" in the namespace "rights"'
  assert.equal(await refused('get secrets --as jane'), `Error from server (Forbidden): secrets is forbidden: User "jane" ${list}`)
  const token = await ok('create token bot --duration=20m')
  const own = ['--kubeconfig=/dev/null', `--server=${plane.server}`, '--insecure-skip-tls-verify', `--token=${token}`]
  assert.equal(await ok([...own, '-n', 'rights', 'get', 'pods']), '')
  assert.equal(await ok([...own, 'auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}']), bot)
  assert.match(await refused([...own.slice(0, 3), '--token=x', 'get', 'pods']), /You must be logged in to the server/)
  assert.match(await ok('auth can-i --list'), /^\*\.\* +\[] +\[] +\[\*]$/m)
})

test('kubectl delete cascades as told', { skip }, async () => {
  await namespace('deleting')
  for (const name of ['orphaning', 'foreground', 'background']) await ok(`create deployment ${name} --image=example/d`)
  await ok('wait --for=condition=Progressing deployment --all --timeout=30s')
  await prints([
    ['delete deployment orphaning --cascade=orphan', 'deployment.apps "orphaning" deleted from deleting namespace'],
    ['delete deployment foreground --cascade=foreground', 'deployment.apps "foreground" deleted from deleting namespace'],
    ['get replicaset -l app=foreground -o name', ''],
    ['delete deployment background', 'deployment.apps "background" deleted from deleting namespace'],
    ['wait --for=delete replicaset -l app=background --timeout=30s', ''],
  ])
  assert.match(await ok('get replicaset -l app=orphaning -o name'), /^replicaset\.apps\/orphaning-\w+$/)
  await ok('delete replicaset --all --now')
  await ok('config set-context --current --namespace default')
  assert.equal(await ok('delete namespace deleting --timeout=60s'), 'namespace "deleting" deleted')
})

test('kubectl taints, cordons and drains a node', { skip }, async () => {
  const resources = { cpu: '4', memory: '8Gi', pods: '110' }
  const status = { capacity: resources, allocatable: resources, conditions: [{ type: 'Ready', status: 'True' }] }
  // Pods of other tests wait for a node, and not for this one.
  const spec = { taints: [{ key: 'only', effect: 'NoSchedule' }] }
  await ok('create -f -', JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, spec, status }))
  await prints([
    ['taint node n1 a=b:NoSchedule', 'node/n1 tainted'],
    ['taint node n1 a-', 'node/n1 untainted'],
    ['cordon n1', 'node/n1 cordoned'],
    ['get node n1 -o jsonpath={.spec.unschedulable}', 'true'],
    ['uncordon n1', 'node/n1 uncordoned'],
    ['drain n1 --timeout=20s', 'node/n1 cordoned\nnode/n1 drained'],
    ['delete node n1', 'node "n1" deleted'],
  ])
})
