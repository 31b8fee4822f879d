/** Looking at things and into them: get in its forms, describe, explain, events, logs, exec, attach, port-forward, cp. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '#testing/bed.ts'
import { type Open, probePod, ready, shellPod } from '../space.ts'

export function looking(open: Open): void {
  test('get: tables, -o wide, yaml, name, jsonpath, custom columns, selectors, sorting, and -w', async () => {
    const space = await open('get')
    await space.apply(probePod('a', space, { labels: { app: 'a', tier: 'x' } }), probePod('b', space))
    await ready(space, 'a', 'b')
    assert.match(await space.kubectl('get', 'pods'), /^NAME\s+READY\s+STATUS\s+RESTARTS\s+AGE\na\s+1\/1\s+Running\s+0\s+\d+s\nb /)
    assert.match(
      await space.kubectl('get', 'po', '-o', 'wide'),
      /IP\s+NODE\s+NOMINATED NODE\s+READINESS GATES\na\s.*10\.244\.\d+\.\d+/,
    )
    assert.match(await space.kubectl('get', 'pod', 'a', '-o', 'yaml'), /^apiVersion: v1\nkind: Pod\nmetadata:\n/)
    assert.equal(await space.kubectl('get', 'pods', '-o', 'name'), 'pod/a\npod/b\n')
    assert.equal(await space.path('pods', '{range .items[*]}{.metadata.name}={.status.phase};{end}'), 'a=Running;b=Running;')
    assert.equal(await space.kubectl('get', 'pods', '-o', 'custom-columns=N:.metadata.name', '--no-headers'), 'a\nb\n')
    assert.equal(await space.kubectl('get', 'pods', '-l', 'tier=x', '-o', 'name'), 'pod/a\n')
    assert.equal(await space.kubectl('get', 'pods', '-l', 'tier notin (x)', '-o', 'name'), 'pod/b\n')
    assert.equal(await space.kubectl('get', 'pods', '--field-selector', 'metadata.name=b', '-o', 'name'), 'pod/b\n')
    assert.match(await space.kubectl('get', 'pods', '-L', 'tier'), /AGE\s+TIER\na .*\sx\n/)
    assert.match(await space.kubectl('get', 'all', '-A'), /default\s+service\/kubernetes\s+ClusterIP\s+10\.96\.0\.1/)
    assert.match(await space.kubectl('get', 'nodes', '-o', 'wide'), /Ready\s+<none>\s+\S+\s+v1\.36\.\d+\S*\s.*containerd:\/\//)
    assert.equal(await space.fails('get', 'pod', 'c'), 'Error from server (NotFound): pods "c" not found\n')
    assert.match(await space.fails('get', 'nothings'), /the server doesn't have a resource type "nothings"/)
    const watching = space.start('get', 'pods', '-w', '-o', 'jsonpath={.metadata.name}/{.metadata.labels.tier};')
    await watching.until(/a\/x;b\/;/)
    await space.kubectl('label', 'pod', 'b', 'tier=y')
    await watching.until(/b\/y;/)
    await watching.stop()
  })

  test('describe, events, explain, api-resources, top-level facts', async () => {
    const space = await open('describe')
    await space.apply(probePod('a', space))
    await ready(space, 'a')
    await eventually(async () => {
      const text = await space.kubectl('describe', 'pod', 'a')
      assert.match(text, /Status:\s+Running/)
      assert.match(text, /Normal\s+Scheduled\s.*Successfully assigned describe\/a to /)
      assert.match(text, /Normal\s+Pulled\s/)
      assert.match(text, /Normal\s+Created\s/)
      assert.match(text, /Normal\s+Started\s/)
    })
    assert.match(await space.kubectl('get', 'events', '--field-selector', 'involvedObject.name=a'), /Scheduled\s+pod\/a/)
    assert.match(await space.kubectl('events', '--for', 'pod/a'), /Started\s+Pod\/a/)
    assert.match(await space.kubectl('describe', 'node'), /Non-terminated Pods:[\s\S]*describe\s+a\s[\s\S]*Allocated resources:/)
    assert.match(
      await space.kubectl('explain', 'pod.spec.containers.image'),
      /^KIND:\s+Pod\nVERSION:\s+v1\n\nFIELD: image <string>/,
    )
    assert.match(await space.kubectl('explain', 'deployments'), /GROUP:\s+apps\nKIND:\s+Deployment[\s\S]*spec\t<DeploymentSpec>/)
    assert.match(await space.kubectl('api-resources'), /^deployments\s+deploy\s+apps\/v1\s+true\s+Deployment$/m)
    assert.match(await space.kubectl('api-versions'), /^apps\/v1$/m)
    assert.match(await space.kubectl('version'), /Server Version: v1\.36\./)
    assert.match(await space.kubectl('cluster-info'), /Kubernetes control plane.* is running at .*https:\/\//)
    assert.equal(await space.kubectl('get', '--raw', '/healthz'), 'ok')
  })

  test('logs: all, tail, since, timestamps, previous, of a selection, and followed', async () => {
    const space = await open('logs')
    const script =
      'for i in 1 2 3; do echo line $i; done; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo line 4; exec sleep 1000'
    const twice = '[ -e /mnt/again ] && exec sleep 1000; touch /mnt/again; echo the first time'
    const spec = { volumes: [{ name: 'kept', emptyDir: {} }] }
    const container = { volumeMounts: [{ name: 'kept', mountPath: '/mnt' }] }
    await space.apply(shellPod('a', space, script), shellPod('b', space, twice, { spec, container }))
    await ready(space, 'a')
    await eventually(async () => assert.equal(await space.kubectl('logs', 'a'), 'line 1\nline 2\nline 3\n'))
    assert.equal(await space.kubectl('logs', 'pod/a', '-c', 'main', '--tail=1'), 'line 3\n')
    assert.match(await space.kubectl('logs', 'a', '--timestamps', '--tail=1'), /^\d{4}-\d\d-\d\dT\S+Z line 3\n$/)
    assert.equal(await space.kubectl('logs', '-l', 'app=a', '--prefix', '--tail=1'), '[pod/a/main] line 3\n')
    assert.equal(await space.kubectl('logs', 'a', '--limit-bytes=6'), 'line 1')
    const following = space.start('logs', '-f', 'a')
    await following.until(/line 3\n/)
    await space.kubectl('exec', 'a', '--', 'touch', '/tmp/go')
    assert.match(await following.until(/line 4\n/), /^line 1\nline 2\nline 3\nline 4\n$/)
    await following.stop()
    await eventually(async () => assert.equal(await space.kubectl('logs', 'b', '--previous'), 'the first time\n'), {
      timeout: 60_000,
    })
    assert.match(await space.fails('logs', 'a', '-c', 'other'), /container other is not valid for pod a/)
    assert.match(await space.fails('logs', 'a', '--previous'), /previous terminated container "main" in pod "a" not found/)
  })

  test('exec: output, exit code, standard input, a terminal', async () => {
    const space = await open('exec')
    await space.apply(probePod('a', space))
    await ready(space, 'a')
    assert.equal(await space.kubectl('exec', 'a', '--', 'sh', '-c', 'echo out; echo err >&2'), 'out\n')
    const { code, stderr } = await space.tries('exec', 'a', '--', 'sh', '-c', 'echo oh >&2; exit 7')
    assert.deepEqual([code, stderr], [7, 'oh\ncommand terminated with exit code 7\n'])
    const input = 'x'.repeat(300_000)
    const piped = await space.bed.run(
      space.bed.kubectlPath,
      ['-n', 'exec', 'exec', '-i', 'a', '--', 'sh', '-c', 'wc -c; echo end'],
      { stdin: input },
    )
    assert.deepEqual(piped, { stdout: '300000\nend\n', stderr: '', code: 0 })
    const words = [space.bed.kubectlPath, '-n', 'exec', 'exec', '-it', 'a', '--', 'sh']
    const typed = await space.bed.run('script', ['-qec', words.join(' '), '/dev/null'], {
      stdin: 'tty; stty size; exit 3\n',
      env: { TERM: 'xterm' },
    })
    assert.match(typed.stdout, /\/dev\/pts\/\d+/)
    assert.equal(typed.code, 3, typed.stdout)
    assert.match(await space.fails('exec', 'a', '--', 'nothing-like-this'), /executable file not found/)
    assert.equal(await space.fails('exec', 'b', '--', 'ls'), 'Error from server (NotFound): pods "b" not found\n')
  })

  test('attach sees what the process prints and feeds it', async () => {
    const space = await open('attach')
    const script = 'while read line; do echo "heard $line"; done; exec sleep 1000'
    await space.apply(shellPod('a', space, script, { container: { stdin: true } }))
    await ready(space, 'a')
    const attached = space.start('attach', '-i', 'a')
    attached.process.stdin?.write('hello\n')
    await attached.until(/heard hello\n/)
    await attached.stop()
  })

  test('run --rm -i runs once and takes the pod away', async () => {
    const space = await open('run')
    const words = [
      'run',
      'once',
      `--image=${space.image}`,
      '--restart=Never',
      '--rm',
      '-i',
      '--quiet',
      '--command',
      '--',
      'sh',
      '-c',
      'read x; echo got $x',
    ]
    const { stdout, code, stderr } = await space.bed.run(space.bed.kubectlPath, ['-n', 'run', ...words], { stdin: 'it\n' })
    assert.equal(code, 0, stderr)
    assert.match(stdout, /got it\n/)
    await eventually(async () => assert.equal((await space.get('pods')).items.length, 0))
  })

  test('port-forward to a pod, a deployment and a service', async () => {
    const space = await open('forward')
    await space.kubectl('create', 'deployment', 'web', `--image=${space.image}`, '--port=8080')
    await space.kubectl('expose', 'deployment', 'web', '--port=80', '--target-port=8080')
    await space.kubectl('wait', '--for=condition=Available', 'deployment/web', '--timeout=60s')
    // A connection that the pod refuses ends kubectl, so Node has to listen first.
    const address = await space.path('service web', '{.spec.clusterIP}')
    await eventually(() => space.bed.get(`http://${address}/`))
    for (const target of ['deployment/web', 'service/web']) {
      const forward = space.start('port-forward', target, `:${target.startsWith('service') ? 80 : 8080}`)
      const port = /127\.0\.0\.1:(\d+) ->/.exec(await forward.until(/127\.0\.0\.1:\d+ ->/))?.[1]
      await eventually(async () => assert.match(await space.bed.get(`http://127.0.0.1:${port}/`), /"pod":"web-/))
      const bodies = await Promise.all(Array.from({ length: 5 }, () => space.bed.get(`http://127.0.0.1:${port}/`)))
      assert.equal(bodies.length, 5)
      await forward.stop()
    }
  })

  test('cp to a container and back, files and folders', async () => {
    const space = await open('copy')
    await space.apply(probePod('a', space))
    await ready(space, 'a')
    const folder = join(space.bed.directory, 'copy')
    mkdirSync(join(folder, 'sent/deep'), { recursive: true })
    writeFileSync(join(folder, 'sent/deep/one.txt'), 'one\n')
    writeFileSync(join(folder, 'sent/big'), 'b'.repeat(1_000_000))
    await space.kubectl('cp', join(folder, 'sent'), 'a:/tmp/there')
    assert.equal(await space.kubectl('exec', 'a', '--', 'cat', '/tmp/there/deep/one.txt'), 'one\n')
    await space.kubectl('cp', 'a:/tmp/there', join(folder, 'back'))
    assert.equal(readFileSync(join(folder, 'back/deep/one.txt'), 'utf8'), 'one\n')
    assert.equal(readFileSync(join(folder, 'back/big'), 'utf8').length, 1_000_000)
  })

  test('debug adds a container to a running pod', async () => {
    const space = await open('debug')
    await space.apply(probePod('a', space))
    await ready(space, 'a')
    await space.kubectl(
      'debug',
      'a',
      `--image=${space.image}`,
      '--container=look',
      '--target=main',
      '--',
      'sh',
      '-c',
      'echo looked',
    )
    await eventually(async () => assert.equal(await space.kubectl('logs', 'a', '-c', 'look'), 'looked\n'))
  })
}
