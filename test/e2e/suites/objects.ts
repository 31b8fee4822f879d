/** Objects as clients write them: create, apply, patch, label, wait, delete; what is refused, and in which words. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '#testing/bed.ts'
import { type Open, type Space, shellPod } from '../space.ts'

const map = (data: object, name = 'm') => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data })

export function objects(open: Open): void {
  test('apply creates, then changes nothing, then changes what differs and takes away what left', async () => {
    const space = await open('apply')
    assert.equal(await space.apply(map({ a: '1', b: '2' })), 'configmap/m created\n')
    assert.equal(await space.apply(map({ a: '1', b: '2' })), 'configmap/m unchanged\n')
    await space.kubectl('patch', 'configmap', 'm', '-p', '{"data":{"foreign":"stays"}}')
    assert.equal(await space.apply(map({ a: '3' })), 'configmap/m configured\n')
    assert.deepEqual((await space.get('configmap', 'm')).data, { a: '3', foreign: 'stays' })
    const { stdout, code } = await piped(space, ['diff', '-f', '-'], JSON.stringify(map({ a: '4' })))
    assert.equal(code, 1)
    assert.match(stdout, /^-\s+a: "3"$/m)
    assert.match(stdout, /^\+\s+a: "4"$/m)
    assert.equal(
      (await piped(space, ['apply', '--dry-run=server', '-f', '-'], JSON.stringify(map({ a: '4' })))).stdout,
      'configmap/m configured (server dry run)\n',
    )
    assert.equal(
      (await piped(space, ['delete', '-f', '-'], JSON.stringify(map({})))).stdout,
      'configmap "m" deleted from apply namespace\n',
    )
  })

  test('patch in its three forms, label, annotate, edit, replace', async () => {
    const space = await open('patch')
    const pod = (name: string) => shellPod(name, space, 'exec sleep 1000')
    await space.apply(map({ a: '1' }), pod('p'))
    assert.equal(await space.kubectl('patch', 'cm', 'm', '--type=merge', '-p', '{"data":{"b":"2"}}'), 'configmap/m patched\n')
    await space.kubectl(
      'patch',
      'cm',
      'm',
      '--type=json',
      '-p',
      '[{"op":"replace","path":"/data/a","value":"9"},{"op":"remove","path":"/data/b"}]',
    )
    assert.deepEqual((await space.get('cm', 'm')).data, { a: '9' })
    assert.match(
      await space.fails('patch', 'cm', 'm', '--type=json', '-p', '[{"op":"test","path":"/data/a","value":"0"}]'),
      /the server rejected our request|testing value .*failed/,
    )
    await space.kubectl('create', 'deployment', 'd', `--image=${space.image}`, '--replicas=0')
    const strategic = '{"spec":{"template":{"spec":{"containers":[{"name":"extra","image":"localhost/extra:1"}]}}}}'
    await space.kubectl('patch', 'deployment', 'd', '-p', strategic)
    assert.equal(await space.path('deployment d', '{.spec.template.spec.containers[*].name}'), 'extra probe')
    assert.equal(await space.kubectl('patch', 'cm', 'm', '-p', '{"data":{"a":"9"}}'), 'configmap/m patched (no change)\n')
    assert.equal(await space.kubectl('label', 'pod', 'p', 'team=one'), 'pod/p labeled\n')
    assert.match(
      await space.fails('label', 'pod', 'p', 'team=two'),
      /'team' already has a value \(one\), and --overwrite is false/,
    )
    assert.equal(await space.kubectl('label', 'pod', 'p', 'team=two', '--overwrite'), 'pod/p labeled\n')
    assert.equal(await space.kubectl('label', 'pod', 'p', 'team-'), 'pod/p unlabeled\n')
    assert.equal(await space.kubectl('annotate', 'pod', 'p', 'note=some words'), 'pod/p annotated\n')
    assert.equal(await space.path('pod p', '{.metadata.annotations.note}{.metadata.labels.team}'), 'some words')
    const edited = await space.bed.run(space.bed.kubectlPath, ['-n', 'patch', 'edit', 'cm', 'm'], {
      env: { KUBE_EDITOR: "sed -i 's/^  a: .*/  a: edited/'" },
    })
    assert.equal(edited.stdout, 'configmap/m edited\n', edited.stderr)
    assert.equal(await space.path('cm m', '{.data.a}'), 'edited')
    assert.equal((await piped(space, ['replace', '-f', '-'], JSON.stringify(map({ z: '1' })))).stdout, 'configmap/m replaced\n')
  })

  test('create configmap, secret, token, serviceaccount, role, quota-less namespace; auth can-i and whoami', async () => {
    const space = await open('create')
    await space.kubectl('create', 'configmap', 'c', '--from-literal=a=1', '--from-literal=b=two words')
    assert.deepEqual((await space.get('cm', 'c')).data, { a: '1', b: 'two words' })
    await space.kubectl('create', 'secret', 'generic', 's', '--from-literal=password=hush')
    assert.equal(await space.path('secret s', '{.data.password}'), Buffer.from('hush').toString('base64'))
    assert.match(await space.kubectl('describe', 'secret', 's'), /password:\s+4 bytes/)
    await space.kubectl('create', 'serviceaccount', 'robot')
    const token = (await space.kubectl('create', 'token', 'robot', '--duration=20m')).trim()
    const claims = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())
    assert.equal(claims.sub, 'system:serviceaccount:create:robot')
    assert.equal(claims.exp - claims.iat, 1200)
    const as = '--as=system:serviceaccount:create:robot'
    assert.equal((await space.tries('auth', 'can-i', 'list', 'pods', as)).stdout, 'no\n')
    await space.kubectl('create', 'role', 'look', '--verb=get,list', '--resource=pods')
    await space.kubectl('create', 'rolebinding', 'look', '--role=look', '--serviceaccount=create:robot')
    await eventually(async () => assert.equal((await space.tries('auth', 'can-i', 'list', 'pods', as)).stdout, 'yes\n'))
    assert.equal(await space.kubectl('auth', 'can-i', '*', '*'), 'yes\n')
    assert.match(await space.kubectl('auth', 'can-i', '--list', as), /^pods\s+\[\]\s+\[\]\s+\[get list\]$/m)
    assert.match(await space.kubectl('auth', 'whoami'), /Username\s+kubernetes-admin/)
    const asRobot = await space.bed.run(space.bed.kubectlPath, [
      '--kubeconfig=/dev/null',
      '--server',
      await serverOf(space),
      '--insecure-skip-tls-verify',
      '--token',
      token,
      '-n',
      'create',
      'get',
      'secrets',
    ])
    assert.equal(
      asRobot.stderr,
      'Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:create:robot" cannot list resource "secrets" in API group "" in the namespace "create"\n',
    )
  })

  test("what is wrong is refused in upstream's words", async () => {
    const space = await open('refused-objects')
    const refusal = async (manifest: string) => (await piped(space, ['apply', '-f', '-'], manifest)).stderr
    const pod = (spec: string, name = 'p') => `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"${name}"},"spec":${spec}}`
    assert.equal(
      await refusal(pod('{"containers":[{"name":"a","image":"x"}],"contaners":[]}')),
      'Error from server (BadRequest): error when creating "STDIN": Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.contaners"\n',
    )
    assert.equal(await refusal(pod('{"containers":[]}')), 'The Pod "p" is invalid: spec.containers: Required value\n')
    assert.match(
      await refusal(pod('{"containers":[{"name":"a","image":"x"}]}', 'Big_Name')),
      /^The Pod "Big_Name" is invalid: metadata\.name: Invalid value: "Big_Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters/,
    )
    assert.match(
      await refusal(
        '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":"many","selector":{},"template":{}}}',
      ),
      /Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec\.spec\.replicas of type int32/,
    )
    const selector =
      '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"c"}},"spec":{"containers":[{"name":"a","image":"x"}]}}}}'
    assert.match(
      await refusal(selector),
      /spec\.template\.metadata\.labels: Invalid value: \{?"?.*`selector` does not match template `labels`/,
    )
    assert.match(
      await refusal('{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"t"}}'),
      /no matches for kind "Thing" in version "example\.com\/v1"\nensure CRDs are installed first/,
    )
    assert.match(
      await refusal('{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"port":70000}]}}'),
      /^The Service "s" is invalid: \n\* spec\.ports\[0\]\.port: Invalid value: 70000: must be between 1 and 65535, inclusive/,
    )
    await space.apply({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } })
    assert.match(
      await space.fails('patch', 'service', 's', '-p', '{"spec":{"clusterIP":"10.96.0.77"}}'),
      /spec\.clusterIPs\[0\]: Invalid value: \["?10\.96\.0\.77"?\]: may not change once set/,
    )
    assert.match(await space.fails('create', 'deployment', 'x'), /required flag\(s\) "image" not set/)
    await space.kubectl('create', 'configmap', 'twice')
    assert.equal(
      await space.fails('create', 'configmap', 'twice'),
      'error: failed to create configmap: configmaps "twice" already exists\n',
    )
    assert.match(await space.fails('create', 'configmap', 'x', '-n', 'nowhere'), /namespaces "nowhere" not found/)
  })

  test('wait and delete: conditions, deletion, finalizers, a whole namespace', async () => {
    const space = await open('wait')
    await space.apply(shellPod('p', space, 'exec sleep 1000'), map({}))
    assert.equal(await space.kubectl('wait', 'pod/p', '--for=condition=Ready', '--timeout=60s'), 'pod/p condition met\n')
    assert.match(
      await space.fails('wait', 'pod/p', '--for=condition=Nothing', '--timeout=1s'),
      /timed out waiting for the condition on pods\/p/,
    )
    await space.kubectl('patch', 'cm', 'm', '-p', '{"metadata":{"finalizers":["example.com/hold"]}}')
    await space.kubectl('delete', 'cm', 'm', '--wait=false')
    assert.match(await space.path('cm m', '{.metadata.deletionTimestamp}'), /^\d{4}-/)
    await space.kubectl('patch', 'cm', 'm', '--type=merge', '-p', '{"metadata":{"finalizers":null}}')
    await space.kubectl('wait', 'cm/m', '--for=delete', '--timeout=20s')
    assert.equal(
      await space.kubectl('delete', 'pod', 'p', '--force', '--grace-period=0').then((text) => text.trim()),
      'pod "p" force deleted from wait namespace',
    )
    await space.apply(shellPod('q', space, 'trap "exit 0" TERM; while :; do sleep 0.1; done'))
    await space.kubectl('delete', 'namespace', 'wait', '--timeout=60s')
    assert.match(await space.fails('get', 'namespace', 'wait'), /namespaces "wait" not found/)
  })
}

function piped({ bed, name }: Space, args: readonly string[], stdin: string) {
  return bed.run(bed.kubectlPath, ['-n', name, ...args], { stdin })
}

async function serverOf(space: Space): Promise<string> {
  return space.kubectl('config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}')
}
