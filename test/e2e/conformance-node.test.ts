/** What upstream's conformance suite asks of a node, and what stands beside it in `test/e2e/common/node`, as far as no other test here has it. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { eventually } from '#testing/bed.ts'
import { onOneCluster } from './one-cluster.ts'
import { becomes, type Open, probePod, ready, shellPod } from './space.ts'

const sockets = fileURLToPath(new URL('./sockets.ts', import.meta.url))
const idle = 'trap "exit 0" TERM; while :; do sleep 0.2; done'
const once = { restartPolicy: 'Never' }
const terminated = '{.status.containerStatuses[0].state.terminated.message}'
const over = ['{.status.phase}', 'Succeeded'] as const

onOneCluster('a node, by the conformance suite', { concurrency: 4, timeout: 600_000 }, (open) => {
  for (const suite of [words, volumes, order, changes, refusals, streams, files, endpoints]) suite(open)
})

function words(open: Open): void {
  test('last words: the file, the log for want of it when a container failed, and nothing else', async () => {
    const space = await open('words')
    const fallback = { terminationMessagePolicy: 'FallbackToLogsOnError' }
    const own = { terminationMessagePath: '/dev/own-log', securityContext: { runAsUser: 1000 } }
    await space.apply(
      shellPod('own', space, 'printf DONE > /dev/own-log', { container: own, spec: once }),
      shellPod('log', space, 'printf DONE; exit 1', { container: fallback, spec: once }),
      shellPod('none', space, 'echo DONE', { container: fallback, spec: once }),
      shellPod('file', space, 'printf OK > /dev/termination-log; echo DONE', { container: fallback, spec: once }),
    )
    for (const pod of ['own', 'none', 'file']) await becomes(space, `pod ${pod}`, over)
    await becomes(space, 'pod log', ['{.status.phase}', 'Failed'])
    const said = ['own', 'log', 'none', 'file'].map((pod) => space.path(`pod ${pod}`, terminated))
    assert.deepEqual(await Promise.all(said), ['DONE', 'DONE', '', 'OK'])
  })

  test('variables come from a file that an init container wrote', async () => {
    const space = await open('env-file')
    const from = (key: string, optional = false) => ({
      name: `V_${key}`,
      valueFrom: { fileKeyRef: { volumeName: 'out', path: 'my.env', key, optional } },
    })
    const script = `printf "# made\\nA='one two'\\nB='x'\\n" > /out/my.env`
    const init = {
      name: 'init',
      image: space.image,
      command: ['sh', '-c', script],
      volumeMounts: [{ name: 'out', mountPath: '/out' }],
    }
    const spec = { ...once, initContainers: [init], volumes: [{ name: 'out', emptyDir: {} }] }
    const shell = { spec, container: { env: [from('A'), from('NONE', true)] } }
    await space.apply(shellPod('a', space, 'env | grep V_', shell))
    await becomes(space, 'pod a', over)
    assert.equal(await space.kubectl('logs', 'a', '-c', 'main'), 'V_A=one two\n')
  })
}

function volumes(open: Open): void {
  test('a volume holds the files of an image; one whose image is missing waits for it', async () => {
    const space = await open('images')
    const files = (reference: string) => ({ volumes: [{ name: 'files', image: { reference, pullPolicy: 'Never' } }] })
    const volumeMounts = [
      { name: 'files', mountPath: '/whole' },
      { name: 'files', mountPath: '/part', subPath: 'app' },
    ]
    const script = `ls -d /whole/bin /part/server.ts; touch /whole/x 2>&1; ${idle}`
    await space.apply(
      shellPod('a', space, script, { container: { volumeMounts }, spec: files(space.image) }),
      shellPod('b', space, idle, { container: { volumeMounts }, spec: files('localhost/none:1') }),
    )
    await ready(space, 'a')
    await eventually(async () => {
      assert.equal(await space.kubectl('logs', 'a'), '/part/server.ts\n/whole/bin\ntouch: /whole/x: Read-only file system\n')
    })
    await becomes(space, 'pod b', ['{.status.containerStatuses[0].state.waiting.reason}', 'ErrImageNeverPull'])
    await space.kubectl('delete', 'pod', 'a', 'b')
    const ctr = ['--address', space.bed.containerd, '-n', 'k8s.io', 'snapshots', 'ls']
    const snapshots = await space.bed.run('ctr', ctr)
    assert.doesNotMatch(snapshots.stdout, /kubernetes\.io~image/)
  })

  test('a subPathExpr that leads nowhere holds a container up until it is mended', async () => {
    const space = await open('expressions')
    const env = [{ name: 'WHERE', valueFrom: { fieldRef: { fieldPath: "metadata.annotations['where']" } } }]
    const pod = (name: string, subPathExpr: string, where: string) => {
      const container = { env, volumeMounts: [{ name: 'v', mountPath: '/v', subPathExpr }] }
      const made = shellPod(name, space, idle, { container, spec: { volumes: [{ name: 'v', emptyDir: {} }] } })
      return { ...made, metadata: { name, annotations: { where } } }
    }
    await space.apply(pod('dots', '..$(WHERE)', '/tmp'), pod('root', '$(WHERE)', '/absolute'), pod('later', '$(WHERE)/x', '..'))
    const reason = '{.status.containerStatuses[0].state.waiting.reason}'
    for (const name of ['dots', 'root', 'later']) await becomes(space, `pod ${name}`, [reason, 'CreateContainerConfigError'])
    await space.kubectl('annotate', 'pod', 'later', 'where=here', '--overwrite')
    await ready(space, 'later')
  })

  test('/etc/hosts is kept by the agent, except where a container mounts one or the pod is on the host network', async () => {
    const space = await open('hosts')
    const container = (name: string, volumeMounts: object[] = []) => ({
      ...{ name, image: space.image, command: ['sh', '-c', idle], volumeMounts },
    })
    const mine = container('mine', [{ name: 'hosts', mountPath: '/etc/hosts' }])
    const spec = {
      containers: [container('kept'), mine],
      hostAliases: [{ ip: '123.45.67.89', hostnames: ['foo', 'bar'] }],
      volumes: [{ name: 'hosts', hostPath: { path: '/etc/hosts', type: 'File' } }],
    }
    await space.apply(shellPod('a', space, '', { spec }), shellPod('host', space, idle, { spec: { hostNetwork: true } }))
    await ready(space, 'a', 'host')
    const hosts = (pod: string, name: string) => space.kubectl('exec', pod, '-c', name, '--', 'cat', '/etc/hosts')
    assert.match(await hosts('a', 'kept'), /^# Kubernetes-managed hosts file\.\n(?:.*\n)*123\.45\.67\.89\tfoo\tbar\n$/)
    for (const [pod, name] of [
      ['a', 'mine'],
      ['host', 'main'],
    ] as const) {
      assert.doesNotMatch(await hosts(pod, name), /# Kubernetes-managed hosts file\./)
    }
  })
}

function order(open: Open): void {
  test('a failed init container is named, and those before it are ready', async () => {
    const space = await open('init')
    const init = (name: string, program: string) => ({ name, image: space.image, command: [program] })
    const spec = { ...once, initContainers: [init('one', 'true'), init('two', 'false')] }
    await space.apply(shellPod('a', space, 'true', { spec }))
    await becomes(space, 'pod a', ['{.status.phase}', 'Failed'])
    const message = '{.status.conditions[?(@.type=="Initialized")].message}'
    await becomes(space, 'pod a', [message, 'containers with incomplete status: [two]'])
    assert.equal(await space.path('pod a', '{.status.initContainerStatuses[*].ready}'), 'true false')
    assert.equal(await space.path('pod a', '{.status.containerStatuses[0].state.waiting.reason}'), 'PodInitializing')
  })

  test('a rule restarts one container, or all of them with what comes before them', async () => {
    const space = await open('rules')
    const rules = (action: string) => [{ action, exitCodes: { operator: 'In', values: [42] } }]
    const mount = { volumeMounts: [{ name: 'd', mountPath: '/d' }] }
    const failing = (action: string) => {
      const command = ['sh', '-c', 'if [ -e /d/x ]; then sleep 2; exit 0; fi; touch /d/x; sleep 1; exit 42']
      return { name: 'main', image: space.image, command, ...once, restartPolicyRules: rules(action), ...mount }
    }
    const beside = { name: 'beside', image: space.image, command: ['sleep', '3'] }
    const init = { name: 'init', image: space.image, command: ['true'] }
    const pod = (name: string, action: string) => {
      const spec = { containers: [failing(action), beside], initContainers: [init], volumes: [{ name: 'd', emptyDir: {} }] }
      return shellPod(name, space, '', { spec: { ...once, ...spec } })
    }
    await space.apply(pod('one', 'Restart'), pod('all', 'RestartAllContainers'))
    const counts = '{.status.initContainerStatuses[*].restartCount} {.status.containerStatuses[*].restartCount}'
    for (const [name, want] of [
      ['one', '0 0 1'],
      ['all', '1 1 1'],
    ] as const) {
      await becomes(space, `pod ${name}`, over)
      assert.equal(await space.path(`pod ${name}`, counts), want)
    }
  })
}

function changes(open: Open): void {
  test('every container of a guaranteed pod grows and shrinks in place', async () => {
    const space = await open('resize')
    const container = (name: string, size: object) => ({ name, resources: { requests: size, limits: size } })
    const small = { cpu: '10m', memory: '24Mi' }
    const large = { cpu: '25m', memory: '48Mi' }
    const whole = { image: space.image, command: ['sh', '-c', idle] }
    const containers = ['a', 'b'].map((name) => ({ ...whole, ...container(name, large) }))
    await space.apply(shellPod('p', space, '', { spec: { containers } }))
    await ready(space, 'p')
    for (const size of [small, large, small]) {
      const body = JSON.stringify({ spec: { containers: ['a', 'b'].map((name) => container(name, size)) } })
      await space.kubectl('patch', 'pod', 'p', '--subresource=resize', '-p', body)
      const found = '{.status.containerStatuses[*].resources.limits.memory} {.status.containerStatuses[*].restartCount}'
      await becomes(space, 'pod p', [found, `${size.memory} ${size.memory} 0 0`])
    }
    const pending = '{.status.conditions[?(@.type=="PodResizePending")].type}'
    await becomes(space, 'pod p', [pending, ''])
  })

  test('what somebody else writes into a status is put right', async () => {
    const space = await open('status')
    await space.apply(probePod('a', space))
    await ready(space, 'a')
    const status = { message: 'not so', reason: 'Wrong', conditions: [{ type: 'Ready', status: 'False' }] }
    await space.kubectl('patch', 'pod', 'a', '--subresource=status', '-p', JSON.stringify({ status }))
    await becomes(space, 'pod a', ['{.status.conditions[?(@.type=="Ready")].status}{.status.message}', 'True'])
  })
}

function refusals(open: Open): void {
  test('kernel settings: safe ones are made, others refused', async () => {
    const space = await open('sysctls')
    const pod = (name: string, sysctl: string, value: string) => {
      const securityContext = { sysctls: [{ name: sysctl, value }] }
      return shellPod(name, space, 'cat /proc/sys/kernel/shm_rmid_forced', { spec: { ...once, securityContext } })
    }
    await space.apply(pod('dots', 'kernel.shm_rmid_forced', '1'), pod('slashes', 'kernel/shm_rmid_forced', '1'))
    await space.apply(pod('unsafe', 'kernel.msgmax', '10000000000'))
    for (const name of ['dots', 'slashes']) {
      await becomes(space, `pod ${name}`, over)
      assert.equal(await space.kubectl('logs', name), '1\n')
    }
    await becomes(space, 'pod unsafe', ['{.status.phase} {.status.reason}', 'Failed SysctlForbidden'])
  })

  test('a pod that writes more than it may keep on the disk is evicted', async () => {
    const space = await open('disk')
    const write = (path: string) => `dd if=/dev/zero of=${path} bs=1M count=20 2>/dev/null; ${idle}`
    const mount = { volumeMounts: [{ name: 'v', mountPath: '/v' }] }
    const spec = { volumes: [{ name: 'v', emptyDir: { sizeLimit: '10Mi' } }] }
    const resources = { limits: { 'ephemeral-storage': '5Mi' } }
    await space.apply(
      shellPod('volume', space, write('/v/f'), { container: mount, spec }),
      shellPod('layer', space, write('/tmp/f'), { container: { resources } }),
    )
    for (const [name, text] of [
      ['volume', /Usage of EmptyDir volume "v" exceeds the limit "10Mi"/],
      ['layer', /Pod ephemeral local storage usage exceeds the total limit of containers 5Mi/],
    ] as const) {
      await becomes(space, `pod ${name}`, ['{.status.phase} {.status.reason}', 'Failed Evicted'])
      assert.match(await space.path(`pod ${name}`, '{.status.message}'), text)
    }
  })
}

function streams(open: Open): void {
  test('logs and commands over WebSockets, by the oldest of their protocols', async () => {
    const space = await open('sockets')
    await space.apply(shellPod('a', space, `echo container is alive; ${idle}`))
    await ready(space, 'a')
    const ask = async (path: string, protocol: string): Promise<string[]> => {
      const url = `/api/v1/namespaces/${space.name}/pods/a/${path}`
      const { stdout, stderr } = await space.bed.run(process.execPath, [sockets, url, protocol])
      return JSON.parse(stdout || JSON.stringify(stderr))
    }
    assert.deepEqual((await ask('log?container=main', 'binary.k8s.io')).filter(Boolean), ['container is alive\n'])
    const command = 'exec?stdout=1&stderr=1&container=main&command=echo&command=remote+execution+test'
    const messages = (await ask(command, 'channel.k8s.io')).filter((message) => message.length > 1)
    assert.deepEqual(messages, ['\u0001remote execution test\n'])
  })
}

function files(open: Open): void {
  test('a pod from a file of the node runs, is mirrored, comes back when it is deleted, and goes with its file', async () => {
    const space = await open('static')
    const manifests = join(space.bed.dataDir, 'manifests')
    const file = join(manifests, 'static.yaml')
    const pod = shellPod('static', space, `echo from a file; ${idle}`) as { metadata: object }
    writeFileSync(file, JSON.stringify({ ...pod, metadata: { ...pod.metadata, namespace: space.name } }))
    await eventually(async () => assert.match(await space.path('pods', '{.items[*].metadata.name}'), /^static-/))
    const name = await space.path('pods', '{.items[*].metadata.name}')
    await ready(space, name)
    assert.equal(await space.kubectl('logs', name), 'from a file\n')
    assert.equal(await space.path(`pod ${name}`, '{.metadata.ownerReferences[0].kind}'), 'Node')
    const uid = await space.path(`pod ${name}`, '{.metadata.uid}')
    await space.kubectl('delete', 'pod', name, '--grace-period=0', '--force')
    await eventually(async () => assert.notEqual(await space.path(`pod ${name}`, '{.metadata.uid}'), uid))
    await ready(space, name)
    assert.equal(await space.path(`pod ${name}`, '{.status.containerStatuses[0].restartCount}'), '0')
    rmSync(file)
    await becomes(space, 'pods', ['{.items[*].metadata.name}', ''])
  })

  test('a pod runs by the handler of its RuntimeClass, and not at all by one that the node does not have', async () => {
    const space = await open('classes')
    const runtimeClass = (name: string, handler: string) => ({
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name },
      handler,
    })
    await space.apply(runtimeClass('known', 'runc'), runtimeClass('unknown', 'none'))
    await space.apply(
      shellPod('good', space, 'true', { spec: { ...once, runtimeClassName: 'known' } }),
      shellPod('bad', space, 'true', { spec: { ...once, runtimeClassName: 'unknown' } }),
    )
    await becomes(space, 'pod good', over)
    await becomes(space, 'events', ['{.items[*].message}', /no runtime for "none" is configured/])
    await space.kubectl('delete', 'runtimeclass', 'known', 'unknown')
  })
}

function endpoints(open: Open): void {
  test("what the node's agent tells of itself", async () => {
    const space = await open('tells')
    const node = await space.path('nodes', '{.items[0].metadata.name}')
    const ask = (path: string) => space.kubectl('get', '--raw', `/api/v1/nodes/${node}/proxy/${path}`)
    assert.match(await ask('configz'), /"kubeletconfig":\{.*"clusterDomain":"cluster\.local"/)
    assert.match(await ask('metrics/cadvisor'), /container_memory_usage_bytes\{container="[^"]+",id="[^"]+"/)
    assert.match(await ask('metrics/probes'), /prober_probe_total\{container="[^"]+",.*result="successful"\} \d/)
    assert.match(await ask('runningpods/'), /"kind":"PodList".*"name":"probe-/)
    assert.match(await ask('logs/'), /^<!doctype html>/)
    const { node: own } = JSON.parse(await ask('stats/summary'))
    assert.ok(own.fs.capacityBytes > 0 && own.runtime.imageFs.usedBytes > 0 && Date.parse(own.startTime) > 0)
  })
}
