import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type ControlPlane, openControlPlane } from '#testing/control-plane.ts'
import { realClients } from '#testing/real-clients.ts'
import { manifests } from './nami-kubectl-manifests.ts'

/** The built-in kubectl beside the real one: the same words on one server, and every byte that they print compared. */
const { kubectl: real, missing: skip } = realClients()
const nami = fileURLToPath(new URL('../../bin/nami.ts', import.meta.url))
let plane: ControlPlane

before(async () => {
  if (skip) return
  plane = await openControlPlane()
  for (const [name, content] of Object.entries(manifests)) {
    mkdirSync(dirname(join(plane.files, name)), { recursive: true })
    writeFileSync(join(plane.files, name), content)
  }
  await setUp('seen')
  for (const namespace of ['real', 'nami']) await ok(`create namespace ${namespace}`)
})
after(async () => {
  await plane?.[Symbol.asyncDispose]()
})

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

async function ok(line: string): Promise<void> {
  const { code, stderr } = await plane.run(real, wordsOf(line))
  assert.equal(code, 0, `${line}: ${stderr}`)
}

/** What the reading commands look at: a workload, a pod that runs, a node. */
async function setUp(namespace: string): Promise<void> {
  await ok(`create namespace ${namespace}`)
  await ok(`apply -n ${namespace} -f app.yaml`)
  await ok('create -f node.yaml')
  await ok('patch node n1 --subresource=status --type=merge --patch-file node-status.json')
  await ok(`patch -n ${namespace} pod single --subresource=status --type=merge --patch-file pod-status.json`)
  await ok(`wait -n ${namespace} --for=jsonpath={.status.observedGeneration}=1 deployment/web`)
  // One by one: kubectl waits for one object that is missing, and gives up at once on two.
  await ok(`wait -n ${namespace} --for=create configmap/kube-root-ca.crt`)
  await ok(`wait -n ${namespace} --for=create serviceaccount/default`)
}

/** Blanks part words, quotes hold them together. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s']|'[^']*')+/g)].map(([word]) => word.replaceAll("'", ''))
}

/** What differs between two runs that are the same: times, ages, identities, random names. */
function masked(text: string): string {
  return text
    .replace(/\b(real|nami)\b(?! kubectl)/g, 'NS')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, 'UID')
    .replace(/20\d\d-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\w{3}, \d\d \w{3} 20\d\d [\d:]+ [+-]\d{4}/g, 'TIME')
    .replace(/(resourceVersion"?: |Resource Version: +)"?\d+"?/gi, '$1VERSION')
    .replace(/\b(\d+[dhms]){1,2}\b( +)?/g, 'AGE ')
    .replace(/(web-[0-9a-f]{8,10}|kube-api-access)-[a-z0-9]{5}\b/g, '$1-RAND')
    .replace(/\b10\.96\.\d+\.\d+/g, 'ADDRESS')
    .replace(/ +$/gm, '')
}

async function compare(line: string, [first, second]: readonly [string, string], stdin?: string): Promise<void> {
  const options = stdin === undefined ? {} : { stdin }
  const outcome = ({ code, stdout, stderr }: Outcome) => ({ code, stdout: masked(stdout), stderr: masked(stderr) })
  const [theirs, ours] = await Promise.all([
    plane.run(real, wordsOf(first), options).then(outcome),
    plane.run(process.execPath, [nami, 'kubectl', ...wordsOf(second)], options).then(outcome),
  ])
  assert.deepEqual(ours, theirs, `kubectl ${line}`)
}

function reads(name: string, lines: string): void {
  test(`nami kubectl reads as kubectl does: ${name}`, { skip }, async () => {
    for (const line of lines.trim().split('\n')) await compare(line, [line, line])
  })
}

/** Each of the two writes in a namespace of its own, `NS` in the lines. */
function writes(name: string, lines: string): void {
  test(`nami kubectl writes as kubectl does: ${name}`, { skip }, async () => {
    for (const line of lines.trim().split('\n')) {
      const isInput = line.includes('-f -')
      const stdin = isInput ? manifests['app.yaml'] : undefined
      await compare(line, [line.replaceAll('NS', 'real'), line.replaceAll('NS', 'nami')], stdin)
    }
  })
}

reads(
  'get',
  `
get namespaces
get all -n seen
get pods,services,deployments -n seen -o wide
get pods -A --show-labels
get pods -n seen -L app,tier --no-headers
get pods -n seen -L app,tier
get deployment web -n seen -o yaml
get deployment/web service/web -n seen -o json
get deploy.apps deployments.v1.apps -n seen
get pods single nope -n seen
get pods single nope -n seen -o name
get pods nope --ignore-not-found -n seen
get pods -n seen -l app=web --field-selector metadata.name=single
get pods -n seen -l 'app in ('
get pods -n seen --field-selector spec.foo=x
get pods -n nowhere x
get pods -n kube-system
get configmaps -n seen --sort-by=.metadata.name
get configmaps -n seen --sort-by=.metadata.nope
get pods -n seen -o 'custom-columns=NAME:.metadata.name,IMAGES:.spec.containers[*].image,NONE:.nope'
get pod single -n seen -o 'jsonpath={.spec.containers[*].name} {.metadata.labels}'
get pod single -n seen -o 'jsonpath={range .spec.containers[*]}{.name}{"\\t"}{.image}{"\\n"}{end}'
get pods -n seen -o 'jsonpath={.items[?(@.metadata.name=="single")].status.podIP}'
get pods -n seen -o 'jsonpath={.items[7].x}'
get pods -n seen -o 'jsonpath={.x'
get configmap settings -n seen -o 'jsonpath-as-json={.data}'
get events,ev -n nowhere
get -f app.yaml -n seen
get secrets,configmaps -n seen -o name
`,
)

reads(
  'what is wrong with a command line',
  `
get
get foo
get pods -o foo -n seen
get pods -o custom-columns=a -n seen
get --bar
get pods -x
get pods -o
get pods --watch=x
get pods x/y
get pod/a/b
get pods,svc -A x
get pods -l a=b x
get -f nowhere.yaml
delete
delete configmap x -o json
delete pods --all -l a=b
logs
scale deployment/web
scale deployment/web --replicas=x
rollout foo
exec web
exec web ls
frobnicate
wait pod/single -n seen
label pod single -n seen
patch deployment web -n seen
`,
)

reads(
  'describe',
  `
describe pod single -n seen
describe deployment web -n seen
describe replicaset -n seen
describe service web -n seen
describe endpoints web -n seen
describe endpointslices -n seen
describe configmap settings -n seen
describe secret login -n seen
describe serviceaccount default -n seen
describe namespace seen
describe node n1
describe clusterrole system:node
describe clusterrole edit
describe clusterrolebinding system:node
describe priorityclass system-node-critical
describe servicecidr kubernetes
describe lease -n kube-node-lease
describe configmap sett -n seen
describe configmaps,secrets -n seen
describe pod nope -n seen
describe foo
describe
`,
)

reads(
  'discovery, waiting, logs and rollouts',
  `
api-resources
api-resources -o wide --sort-by=kind
api-resources -o name --namespaced=false
api-resources --api-group=apps --no-headers
api-versions
wait --for=condition=Ready pod/single -n seen
wait --for=condition=Nope pod/single -n seen --timeout=300ms
wait --for=condition=Nope pod/single -n seen --timeout=0
wait '--for=jsonpath={.status.phase}=Running' pod/single -n seen
wait --for=delete pod/nope -n seen
wait --for=create pod/nope -n seen --timeout=300ms
wait --for=delete pod/single -n seen --timeout=300ms
logs nope -n seen
logs configmap/settings -n seen
logs single -c nope -n seen
logs -l app=nope -n seen
exec nope -n seen -- ls
exec single -c nope -n seen -- ls
exec configmap/settings -n seen -- ls
rollout status deployment/web -n seen --watch=false
rollout history deployment/web -n seen
rollout history deployment/web -n seen --revision=1
rollout history deployment/web -n seen --revision=9
rollout status pod/single -n seen
`,
)

writes(
  'create',
  `
create deployment x --image=nginx --dry-run=client -o yaml
create deployment x --image=nginx:1,b/redis --port=80 -r 3 --dry-run=client -o json -n NS
create deployment x --image=nginx -n NS
create deployment x --image=nginx -n NS
create deployment y --image=nginx -n NS -o yaml -- sleep 5
create deployment y
create configmap c --from-literal=a=b --from-file=app.yaml --from-env-file=vars.env -n NS
create configmap c --from-literal=a=b --from-file=app.yaml -n NS -o yaml
create configmap c --from-literal=a
create secret generic s --from-literal=p=q -n NS
create secret generic s --from-literal=p=q --type=x/y --dry-run=client -o json
create secret docker-registry d --docker-server=h --docker-username=u --docker-password=p --dry-run=client -o yaml
create secret tls t --cert=nope --key=nope
create serviceaccount me -n NS --dry-run=server
create service clusterip c --tcp=80:8080 -n NS
create service nodeport c --tcp=80:web --node-port=30000 --dry-run=client -o yaml
create service externalname c --external-name=foo.bar --dry-run=client -o yaml
create service clusterip c
create role r --verb=get,list --resource=pods,deployments.apps,pods/log -n NS -o yaml
create role r --verb=get --resource=foo -n NS
create clusterrole c --verb=get --non-resource-url=/x --dry-run=client -o yaml
create rolebinding b --role=r --user=u --group=g --serviceaccount=d:s -n NS -o yaml
create clusterrolebinding b --clusterrole=x --user=a --dry-run=client -o yaml
create priorityclass p --value=10 --description=foo --dry-run=client -o yaml
create -f app.yaml -n NS
create -f app.yaml -n NS
create -f wrong.yaml -n NS
create -f unknown-kind.yaml -n NS --validate=false
create -f unknown-field.yaml -n NS
create
create namespace
delete -f app.yaml -n NS
`,
)

writes(
  'apply',
  `
apply -f app.yaml -n NS
apply -f app.yaml -n NS
apply -f changed.yaml -n NS --dry-run=client
apply -f changed.yaml -n NS --dry-run=server
apply -f changed.yaml -n NS
get configmap,service,secret -n NS -o yaml -l app=web
apply -f changed.yaml -n NS -o name
apply -f changed.yaml -n NS -o yaml
apply -n NS -f -
apply -R -f folder -n NS
apply -f folder -n NS
apply -f elsewhere.yaml -n NS
apply -f immutable.yaml -n NS
apply -f wrong.yaml -n NS
apply -f unknown-kind.yaml -n NS --validate=false
apply -f nowhere.yaml
apply
`,
)

writes(
  'changes',
  `
scale deployment web --replicas=3 -n NS
scale deployment web --replicas=2 --current-replicas=9 -n NS
scale deployment web --replicas=2 --current-replicas=3 -n NS --dry-run=client
scale deployment nope --replicas=2 -n NS
scale deployment --all --replicas=1 -n NS
set image deployment/web web=nginx:3 -n NS
set image deployment/web nope=nginx:3 -n NS
set image configmap/settings a=b -n NS
rollout restart deployment/web -n NS
rollout pause deployment/web -n NS
rollout pause deployment/web -n NS
rollout restart deployment/web -n NS
rollout undo deployment/web -n NS
rollout resume deployment/web -n NS
rollout undo deployment/web -n NS --to-revision=99
label pod single a=b -n NS
label pod single a=c -n NS
label pod single a=c --overwrite -n NS
label pod single a- zz- -n NS
label configmaps --all x=y -n NS
annotate pod single a=b -n NS
annotate pod single a=c -n NS
annotate pod single a- -n NS
patch deployment web -p '{"spec":{"replicas":1}}' -n NS
patch deployment web -p '{"spec":{"replicas":1}}' -n NS
patch deployment web --type=json -p '[{"op":"replace","path":"/spec/replicas","value":3}]' -n NS
patch configmap settings -p '{"data":{"color":null,"z":"1"}}' -n NS -o yaml
patch deployment web --type=foo -p '{}' -n NS
expose deployment web --name=e -n NS
expose deployment web --name=f --port=80 --target-port=http --dry-run=client -o yaml -n NS
run r --image=nginx -n NS
run r --image=nginx -n NS --dry-run=client -o yaml --env=A=b --port=80 --labels=a=b -- sleep 5
`,
)

writes(
  'delete',
  `
delete configmap settings nope -n NS
delete secret login --dry-run=client -n NS
delete secret login --dry-run=server -n NS
delete secret login -n NS
delete secret login -n NS --ignore-not-found
delete pod single -n NS --force
delete pod r -n NS --force --grace-period=3
delete configmaps,services -l a=b -n NS
delete deployments --all -n NS -o name
delete deployments --all -n NS
delete -f app.yaml -n NS
delete namespace nope -n NS
`,
)
