/** What a pod is given and what becomes of it: variables, files, volumes, identity, limits, order of containers, its end. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '#testing/bed.ts'
import { becomes, type Open, probePod, ready, type Space, shellPod } from '../space.ts'

const idle = 'trap "exit 0" TERM; while :; do sleep 0.1; done'

export function pods(open: Open): void {
  test('ConfigMaps and Secrets as variables and files; a change reaches the file', async () => {
    const space = await open('config')
    await space.kubectl('create', 'configmap', 'settings', '--from-literal=COLOUR=red', '--from-literal=size=7')
    await space.kubectl('create', 'secret', 'generic', 'hidden', '--from-literal=password=hush')
    const container = {
      env: [
        { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'hidden', key: 'password' } } },
        { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'BOTH', value: '$(POD)-$(COLOUR)' },
        { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
      ],
      envFrom: [{ configMapRef: { name: 'settings' } }],
      resources: { limits: { memory: '128Mi' } },
      volumeMounts: [
        { name: 'settings', mountPath: '/etc/settings' },
        { name: 'hidden', mountPath: '/etc/hidden', readOnly: true },
        { name: 'facts', mountPath: '/etc/facts' },
      ],
    }
    const spec = {
      volumes: [
        { name: 'settings', configMap: { name: 'settings' } },
        { name: 'hidden', secret: { secretName: 'hidden', items: [{ key: 'password', path: 'deep/p', mode: 0o444 }] } },
        { name: 'facts', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      ],
    }
    await space.apply(probePod('a', space, { container, spec }))
    await ready(space, 'a')
    const variable = (name: string) => space.ask<string>('a', `/env?name=${name}`)
    assert.deepEqual(await Promise.all(['COLOUR', 'size', 'PASSWORD', 'BOTH', 'MEMORY'].map(variable)), [
      'red',
      '7',
      'hush',
      'a-red',
      '128',
    ])
    const file = (path: string) => space.ask<string>('a', `/file?path=${path}`)
    assert.equal(await file('/etc/settings/COLOUR'), 'red')
    assert.equal(await file('/etc/hidden/deep/p'), 'hush')
    assert.equal(await file('/etc/facts/labels'), 'app="a"')
    assert.match(await file('/etc/hosts'), /^\d+\.\d+\.\d+\.\d+\s+a$/m)
    await space.kubectl('patch', 'configmap', 'settings', '-p', '{"data":{"COLOUR":"blue"}}')
    await space.kubectl('label', 'pod', 'a', 'more=yes')
    await eventually(async () => assert.equal(await file('/etc/settings/COLOUR'), 'blue'), { timeout: 90_000, every: 500 })
    await eventually(async () => assert.equal(await file('/etc/facts/labels'), 'app="a"\nmore="yes"'), {
      timeout: 90_000,
      every: 500,
    })
    assert.equal(await variable('COLOUR'), 'red')
  })

  test('a pod waits for a ConfigMap that is not there yet, and says so', async () => {
    const space = await open('waiting')
    await space.apply(shellPod('a', space, idle, { container: { envFrom: [{ configMapRef: { name: 'late' } }] } }))
    await becomes(space, 'pod a', ['{.status.containerStatuses[0].state.waiting.reason}', 'CreateContainerConfigError'])
    assert.match(await space.path('pod a', '{..waiting.message}'), /configmap "late" not found/)
    await space.kubectl('create', 'configmap', 'late')
    await ready(space, 'a')
  })

  test('an image that does not exist: ErrImagePull, then ImagePullBackOff', async () => {
    const space = await open('image')
    await space.apply(
      shellPod('a', space, idle, { container: { image: 'registry.invalid/nothing:1' } }),
      shellPod('b', space, idle, { container: { image: 'localhost/nothing:1', imagePullPolicy: 'Never' } }),
      shellPod('c', space, idle, { container: { image: 'NOT_AN_IMAGE!' } }),
    )
    const reason = '{.status.containerStatuses[0].state.waiting.reason}'
    await becomes(space, 'pod a', [reason, /^(ErrImagePull|ImagePullBackOff)$/])
    await becomes(space, 'pod a', [reason, 'ImagePullBackOff'])
    assert.match(await space.path('pod a', '{..waiting.message}'), /Back-off pulling image "registry\.invalid\/nothing:1"/)
    await becomes(space, 'pod b', [reason, 'ErrImageNeverPull'])
    await becomes(space, 'pod c', [reason, 'InvalidImageName'])
    const events = await space.kubectl('get', 'events', '--field-selector', 'involvedObject.name=a')
    assert.match(events, /Failed to pull image "registry\.invalid\/nothing:1"/)
  })

  test('emptyDir and hostPath are shared; a container restart keeps them', async () => {
    const space = await open('volumes')
    const onHost = openFolder(space, 'host')
    writeFileSync(join(onHost, 'in'), 'from the node')
    const mounts = [
      { name: 'both', mountPath: '/both' },
      { name: 'host', mountPath: '/host' },
      { name: 'memory', mountPath: '/memory' },
    ]
    const writer =
      'date +%s%N >> /both/starts; cat /host/in > /host/out; df -t tmpfs /memory > /both/df; while [ ! -e /both/die ]; do sleep 0.1; done; rm /both/die; exit 1'
    const spec = {
      containers: [
        { name: 'writer', image: space.image, command: ['/bin/sh', '-c', writer], volumeMounts: mounts },
        { name: 'reader', image: space.image, command: ['/bin/sh', '-c', idle], volumeMounts: mounts },
      ],
      volumes: [
        { name: 'both', emptyDir: {} },
        { name: 'host', hostPath: { path: onHost, type: 'Directory' } },
        { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
      ],
    }
    await space.apply(shellPod('a', space, '', { spec }))
    await ready(space, 'a')
    const read = (file: string) => space.kubectl('exec', 'a', '-c', 'reader', '--', 'cat', file)
    await eventually(() => assert.equal(readFileSync(join(onHost, 'out'), 'utf8'), 'from the node'))
    await eventually(async () => assert.match(await read('/both/df'), /tmpfs/))
    await space.kubectl('exec', 'a', '-c', 'reader', '--', 'touch', '/both/die')
    await eventually(async () => assert.equal((await read('/both/starts')).trim().split('\n').length, 2), { timeout: 60_000 })
    await becomes(space, 'pod a', ['{.status.containerStatuses[?(@.name=="writer")].restartCount}', '1'])
  })

  test('init containers run in order before the rest, a sidecar runs beside it and ends after it', async () => {
    const space = await open('order')
    const mount = { volumeMounts: [{ name: 'log', mountPath: '/log' }] }
    const container = (name: string, script: string, more = {}) => ({
      name,
      image: space.image,
      command: ['/bin/sh', '-c', script],
      ...mount,
      ...more,
    })
    const spec = {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 10,
      initContainers: [
        container('first', 'echo first >> /log/order'),
        container(
          'beside',
          'trap "echo beside ends >> /log/order; exit 0" TERM; echo beside >> /log/order; while :; do sleep 0.1; done',
          { restartPolicy: 'Always' },
        ),
        container('second', 'echo second >> /log/order'),
      ],
      containers: [container('main', 'echo main >> /log/order; sleep 1; echo main ends >> /log/order')],
      volumes: [{ name: 'log', hostPath: { path: openFolder(space, 'order') } }],
    }
    await space.apply(shellPod('a', space, '', { spec }))
    await becomes(space, 'pod a', ['{.status.phase}', 'Succeeded'])
    const order = readFileSync(join(space.bed.directory, 'order/order'), 'utf8').trim().split('\n')
    assert.deepEqual(order, ['first', 'beside', 'second', 'main', 'main ends', 'beside ends'])
    assert.equal(await space.path('pod a', '{.status.initContainerStatuses[*].state.terminated.exitCode}'), '0 0 0')
  })

  test('a container over its memory limit is OOMKilled and started again', async () => {
    const space = await open('limits')
    const container = { resources: { requests: { cpu: '10m' }, limits: { memory: '96Mi', cpu: '500m' } } }
    await space.apply(probePod('a', space, { container }))
    await ready(space, 'a')
    assert.equal(await space.path('pod a', '{.status.qosClass}'), 'Burstable')
    await space.ask('a', '/eat?megabytes=200').catch(() => {})
    await becomes(space, 'pod a', ['{.status.containerStatuses[0].lastState.terminated.reason}', 'OOMKilled'])
    assert.equal(await space.path('pod a', '{..lastState.terminated.exitCode}'), '137')
    await becomes(space, 'pod a', ['{.status.containerStatuses[0].restartCount}', '1'])
    await ready(space, 'a')
  })

  test('a pod that no node has room for stays pending, and says why', async () => {
    const space = await open('room')
    const spec = { nodeSelector: { 'example.com/none': 'such' } }
    await space.apply(
      shellPod('big', space, idle, { container: { resources: { requests: { cpu: '999' } } } }),
      shellPod('picky', space, idle, { spec }),
    )
    await becomes(space, 'pod big', ['{.status.conditions[0].message}', /0\/1 nodes are available: 1 Insufficient cpu/])
    await becomes(space, 'pod picky', [
      '{.status.conditions[0].message}',
      /1 node\(s\) didn't match Pod's node affinity\/selector/,
    ])
    await space.kubectl('label', 'nodes', '--all', 'example.com/none=such')
    await ready(space, 'picky')
    await space.kubectl('label', 'nodes', '--all', 'example.com/none-')
  })

  test('a killed container is started again; one that keeps failing backs off', async () => {
    const space = await open('killed')
    await space.apply(probePod('a', space), shellPod('b', space, 'exit 3'))
    await ready(space, 'a')
    const id = (await space.path('pod a', '{.status.containerStatuses[0].containerID}')).replace('containerd://', '')
    const killed = await space.bed.run('ctr', [
      '--address',
      space.bed.containerd,
      '-n',
      'k8s.io',
      'task',
      'kill',
      '--signal',
      'SIGKILL',
      id,
    ])
    assert.equal(killed.code, 0, killed.stderr)
    await becomes(space, 'pod a', ['{.status.containerStatuses[0].restartCount}', '1'])
    await ready(space, 'a')
    assert.equal(await space.path('pod a', '{..lastState.terminated.exitCode}'), '137')
    assert.notEqual(await space.path('pod a', '{.status.containerStatuses[0].containerID}'), `containerd://${id}`)
    await becomes(space, 'pod b', ['{..state.waiting.reason}', 'CrashLoopBackOff'])
    assert.match(await space.path('pod b', '{..waiting.message}'), /back-off \d+s restarting failed container=main pod=b_killed/)
    assert.match(await space.kubectl('get', 'pod', 'b'), /CrashLoopBackOff|Error/)
  })

  test('restartPolicy Never and OnFailure end as Failed and Succeeded', async () => {
    const space = await open('ends')
    const message = { terminationMessagePolicy: 'FallbackToLogsOnError' }
    await space.apply(
      shellPod('bad', space, 'echo because; exit 4', { spec: { restartPolicy: 'Never' }, container: message }),
      shellPod('good', space, 'exit 0', { spec: { restartPolicy: 'OnFailure' } }),
    )
    await becomes(space, 'pod bad', ['{.status.phase}', 'Failed'])
    assert.equal(await space.path('pod bad', '{..terminated.exitCode} {..terminated.message}'), '4 because\n')
    await becomes(space, 'pod good', ['{.status.phase}', 'Succeeded'])
    assert.match(await space.kubectl('get', 'pods'), /bad\s+0\/1\s+Error\s+0[\s\S]*good\s+0\/1\s+Completed\s+0/)
  })

  test('preStop runs before SIGTERM, and SIGKILL comes when the grace is over', async () => {
    const space = await open('grace')
    const log = openFolder(space, 'grace')
    const volumes = [{ name: 'log', hostPath: { path: log } }]
    const mount = { volumeMounts: [{ name: 'log', mountPath: '/log' }] }
    const preStop = { exec: { command: ['/bin/sh', '-c', 'echo hook >> /log/polite'] } }
    await space.apply(
      shellPod('polite', space, 'trap "echo term >> /log/polite; exit 0" TERM; while :; do sleep 0.1; done', {
        spec: { volumes, terminationGracePeriodSeconds: 20 },
        container: { ...mount, lifecycle: { preStop } },
      }),
      shellPod('stubborn', space, 'trap "echo no >> /log/stubborn" TERM; while :; do sleep 0.1; done', {
        spec: { volumes, terminationGracePeriodSeconds: 1 },
        container: mount,
      }),
    )
    await ready(space, 'polite', 'stubborn')
    await space.kubectl('delete', 'pod', 'polite', 'stubborn', '--timeout=30s')
    assert.equal(readFileSync(join(log, 'polite'), 'utf8'), 'hook\nterm\n')
    assert.equal(readFileSync(join(log, 'stubborn'), 'utf8'), 'no\n')
  })

  test('hostNetwork, host names, security context', async () => {
    const space = await open('context')
    const securityContext = {
      runAsUser: 1234,
      runAsGroup: 2345,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    }
    await space.apply(
      shellPod('user', space, 'exec 2>&1; id -u; id -g; touch /x; exec sleep 1000', { container: { securityContext } }),
      shellPod('net', space, idle, { spec: { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' } }),
      shellPod('root', space, idle, { container: { securityContext: { runAsNonRoot: true, runAsUser: 0 } } }),
    )
    await ready(space, 'user', 'net')
    await eventually(async () =>
      assert.match(await space.kubectl('logs', 'user'), /^1234\n2345\ntouch: .*Read-only file system\n$/),
    )
    assert.equal(await space.path('pod net', '{.status.podIP}'), await space.path('pod net', '{.status.hostIP}'))
    await becomes(space, 'pod root', ['{..state.waiting.reason}', 'CreateContainerConfigError'])
    assert.match(await space.path('pod root', '{..waiting.message}'), /container's runAsUser breaks non-root policy/)
  })
}

/** On the node; the application's user may write there. */
function openFolder({ bed }: Space, name: string): string {
  const path = join(bed.directory, name)
  mkdirSync(path)
  chmodSync(path, 0o777)
  return path
}
