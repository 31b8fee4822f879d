/** From a folder to the cluster, for whoever writes the application: images without Docker, the registry, Compose files, `nami dev`. */
import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Bed, eventually, noBed, openBed } from '#testing/bed.ts'
import { realClients } from '#testing/real-clients.ts'

const clients = realClients()
const nami = fileURLToPath(new URL('../../bin/nami.ts', import.meta.url))
const hello = fileURLToPath(new URL('../../examples/hello', import.meta.url))

describe('from a folder to the cluster', { skip: noBed() || clients.missing, timeout: 280_000 }, () => {
  let bed: Bed
  let work: string
  before(async () => {
    bed = await openBed({ kubectl: clients.kubectl })
    work = await mkdtemp(join(tmpdir(), 'nami-dev-e2e-'))
  })
  after(async () => {
    await bed?.[Symbol.asyncDispose]()
    await rm(work, { recursive: true, force: true })
  })

  const run = (cwd: string, ...args: string[]) =>
    bed.run(process.execPath, [nami, ...args, '--data-dir', bed.dataDir], { cwd, timeout: 120_000 })
  const fine = async (cwd: string, ...args: string[]) => {
    const ran = await run(cwd, ...args)
    assert.equal(ran.code, 0, `nami ${args.join(' ')}\n${ran.stdout}${ran.stderr}`)
    return ran.stdout + ran.stderr
  }
  const kubectl = async (...args: string[]) => {
    const ran = await bed.kubectl(...args)
    assert.equal(ran.code, 0, ran.stderr)
    return ran.stdout
  }

  test('an image goes into the registry, and a pod runs it from there', async () => {
    const name = 'localhost:5000/team/hello:1'
    await fine(work, 'image', 'build', hello, '--tag', name)
    await fine(work, 'image', 'push', name)
    await kubectl('run', 'pulled', `--image=${name}`, '--image-pull-policy=Always')
    await kubectl('wait', '--for=condition=Ready', 'pod/pulled', '--timeout=60s')
    const id = await kubectl('get', 'pod', 'pulled', '-o', 'jsonpath={.status.containerStatuses[0].imageID}')
    assert.match(id, /^localhost:5000\/team\/hello@sha256:/)
    const referrers = JSON.parse(await bed.get(`http://localhost:5000/v2/team/hello/referrers/${id.split('@')[1]}`))
    assert.equal(referrers.manifests.length, 2)
    await kubectl('delete', 'pod', 'pulled', '--now')
  })

  test('the registry takes nothing from outside without a password, and shows its certificate', async () => {
    const address = JSON.parse(await kubectl('get', 'node', '-o', 'json')).items[0].status.addresses[0].address
    const asked = await bed.run('curl', ['-sk', '-o', '/dev/null', '-w', '%{http_code}', `https://${address}:5000/v2/`])
    assert.equal(asked.stdout, '401')
    const node = join(bed.dataDir, 'pki/nodes', JSON.parse(await kubectl('get', 'node', '-o', 'json')).items[0].metadata.name)
    const shown = ['--cacert', join(bed.dataDir, 'pki/ca.crt'), '--cert', `${node}/client.crt`, '--key', `${node}/client.key`]
    const known = await bed.run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', ...shown, `https://127.0.0.1:5000/v2/`])
    assert.equal(known.stdout, '200')
  })

  test('a Compose file runs as it is: order, health, volumes, ports, scale, exit codes; what cannot be is said by line', async () => {
    const folder = join(work, 'shop')
    await cp(hello, folder, { recursive: true })
    await writeFile(
      join(folder, 'worker.js'),
      `fetch('http://web:8080/').then(async (r) => console.log('web says', await r.text()))`,
    )
    await writeFile(join(folder, 'web.env'), 'GREETING=shop\n')
    await writeFile(join(folder, 'compose.yaml'), composeFile)
    const up = await fine(folder, 'compose', 'up', '-d')
    assert.match(up, /warning: compose\.yaml:9: ulimits is left out/)
    const page = JSON.parse(await bed.get('http://localhost:8088/'))
    assert.equal(page.hello, 'shop')
    await eventually(async () =>
      assert.match(await fine(folder, 'compose', 'logs', 'worker'), /worker-1 \| web says .*"hello":"shop"/),
    )
    assert.match(
      await fine(folder, 'compose', 'ps'),
      /web-1 +web +running \(healthy\) +8088->8080\/tcp[\s\S]*worker-1 +worker +exited \(0\)/,
    )
    const again = await fine(folder, 'compose', 'up', '-d')
    assert.doesNotMatch(again, /web-1 made anew/)
    const ran = await run(folder, 'compose', 'run', '--no-build', 'web', '--', 'sh', '-c', 'touch /var/store/kept && exit 7')
    assert.equal(ran.code, 7, ran.stderr)
    await fine(folder, 'compose', 'stop')
    await fine(folder, 'compose', 'up', '-d', '--no-build')
    assert.match(await fine(folder, 'compose', 'run', '--no-build', 'web', 'ls /var/store'), /kept/)
    await fine(folder, 'compose', 'down')
    assert.doesNotMatch(await kubectl('get', 'namespaces'), /shop/)
  })

  test("the project's tests run in the cluster, and their exit code comes out", async () => {
    const folder = join(work, 'proj')
    await mkdir(folder)
    await cp(join(hello, 'server.js'), join(folder, 'server.js'))
    await writeFile(
      join(folder, 'package.json'),
      '{"type":"module","scripts":{"start":"node server.js","test":"node a.test.js"}}',
    )
    await writeFile(join(folder, 'a.test.js'), "console.log('in the cluster'); process.exit(Number(process.env.CODE ?? 0))")
    await bed.run('git', ['init', '-q'], { cwd: folder })
    await fine(folder, 'setup')
    assert.match(await fine(folder, 'test', '--cleanup'), /proj-1 \| in the cluster[\s\S]*Tests Passed/)
    await writeFile(join(folder, 'a.test.js'), 'process.exit(3)')
    const failed = await run(folder, 'test', '--cleanup')
    assert.deepEqual([failed.code, /Tests Failed/.test(failed.stdout)], [3, true])
    await fine(folder, 'dev', 'start', '-d')
    // Without a health check a service has started when its process runs: it may listen a moment later.
    await eventually(async () => assert.match(await bed.get('http://localhost:8080/'), /"hello":"world"/), { every: 50 })
    assert.match(await fine(folder, 'dev', 'run', '--no-build', 'node -p 6*7'), /^42$/m)
    await fine(folder, 'dev', 'clean')
    assert.doesNotMatch(await kubectl('get', 'namespaces'), /proj/)
  })

  test('nami dev: what is saved answers, in the same pod; a new dependency builds anew; nothing is left', async () => {
    const folder = join(work, 'live')
    await cp(hello, folder, { recursive: true })
    await rm(join(folder, 'kubernetes'), { recursive: true })
    const script = `cd ${folder} && exec ${process.execPath} ${nami} dev --debug --data-dir ${bed.dataDir}`
    const dev = bed.start('sh', ['-c', script])
    const answers = (wanted: RegExp) =>
      eventually(async () => assert.match(await bed.get('http://localhost:8080/'), wanted), { every: 50 })
    await answers(/"hello":"world","pod":"live-1"/)
    const uid = () => kubectl('get', 'pod', 'live-1', '-n', 'live-development', '-o', 'jsonpath={.metadata.uid} {..restartCount}')
    const before = await uid()
    const server = join(folder, 'server.js')
    const source = await readFile(server, 'utf8')
    await writeFile(server, source.replace("'world'", "'moon'"))
    await answers(/"hello":"moon"/)
    await writeFile(server, 'broken(')
    await writeFile(server, source.replace("'world'", "'mars'"))
    await answers(/"hello":"mars"/)
    assert.equal(await uid(), before, 'neither pod nor container is another')
    assert.match(await bed.get('http://localhost:9229/json/version'), /node\.js/)
    await writeFile(
      join(folder, 'package.json'),
      (await readFile(join(folder, 'package.json'), 'utf8')).replace('1.0.0', '1.0.1'),
    )
    await eventually(async () => assert.notEqual(await uid(), before))
    await answers(/"hello":"mars"/)
    dev.process.kill('SIGTERM')
    await eventually(async () => assert.doesNotMatch(await kubectl('get', 'namespaces'), /live/))
  })

  test('kubectl port-forward: an application that ends in the middle of uploads blocks no other connection', async () => {
    const folder = join(work, 'sink')
    await mkdir(folder)
    await writeFile(join(folder, 'package.json'), '{"name":"sink","scripts":{"start":"node server.js"}}')
    await writeFile(join(folder, 'server.js'), sink)
    const image = (await run(work, 'image', 'build', folder)).stdout.trim()
    const again = 'while :; do node server.js; sleep 0.1; done'
    await kubectl('run', 'sink', `--image=${image}`, '--image-pull-policy=Never', '--command', '--', 'sh', '-c', again)
    await kubectl('wait', '--for=condition=Ready', 'pod/sink', '--timeout=60s')
    const forwarding = bed.start(process.execPath, [nami, 'kubectl', 'port-forward', 'pod/sink', '18081:8080'])
    await forwarding.until(/Forwarding from/)
    const url = 'http://127.0.0.1:18081'
    await eventually(async () => assert.equal(await bed.get(url), 'well'))
    await writeFile(join(work, 'big'), Buffer.alloc(50_000_000))
    const upload = () => bed.run('curl', ['-s', '--max-time', '20', '-T', join(work, 'big'), `${url}/never`])
    const uploads = Array.from({ length: 6 }, upload)
    await eventually(async () => assert.equal(await bed.get(`${url}/uploads`), '6'))
    await bed.run('curl', ['-s', `${url}/end`])
    await eventually(async () => assert.equal(await bed.get(url), 'well'))
    for (let asked = 0; asked < 10; asked++) {
      const { stdout } = await bed.run('curl', ['-s', '--max-time', '10', url])
      assert.equal(stdout, 'well')
    }
    await Promise.all(uploads)
    await kubectl('delete', 'pod', 'sink', '--now')
    await forwarding.stop()
  })

  test('a folder with secrets is refused with their names', async () => {
    const folder = join(work, 'secret')
    await cp(hello, folder, { recursive: true })
    await writeFile(join(folder, '.env'), 'A=b')
    const refused = await run(work, 'image', 'build', folder)
    assert.deepEqual([refused.code, /\.env {3}\(values of an environment\)/.test(refused.stderr)], [1, true])
  })
})

/** Takes uploads and reads none of them; ends when it is told to. */
const sink = `let uploads = 0
require('node:http').createServer((request, response) => {
  if (request.url === '/end') process.exit(1)
  if (request.url === '/never') uploads++
  else response.end(request.url === '/uploads' ? String(uploads) : 'well')
}).listen(8080)
`

const composeFile = `services:
  web:
    build: .
    env_file: web.env
    ports: ["8088:8080"]
    healthcheck:
      test: ["CMD", "node", "-e", "fetch('http://127.0.0.1:8080/healthz').then(r => process.exit(r.ok ? 0 : 1))"]
      interval: 1s
    ulimits: { nofile: 1000 }
    volumes: ["store:/var/store"]
  worker:
    build: .
    command: node worker.js
    depends_on: { web: { condition: service_healthy } }
  tool: { build: ., profiles: [tools], command: sleep 1000 }
volumes:
  store:
`
