/** What `nami setup` writes where nobody brings templates. Inside `raw` stands what stays a template in the project. */

/** Of `hokusai/config.yml`. */
export function configText(name: string, registry: string | undefined): string {
  return `---\nproject-name: ${name}\n${registry ? `registry: ${registry}\n` : ''}`
}

const compose = (command: string) => `---
services:
  {{ project_name }}:
    extends:
      file: build.yml
      service: {{ project_name }}
${command}`

const environment = (name: string, replicas: number) => `---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {% raw %}{{ project_name }}{% endraw %}-web
  labels: &labels
    app: {% raw %}{{ project_name }}{% endraw %}
    component: web
    layer: application
spec:
  replicas: ${replicas}
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  selector:
    matchLabels: *labels
  template:
    metadata:
      labels: *labels
    spec:
      containers:
        - name: {% raw %}{{ project_name }}{% endraw %}-web
          image: {% raw %}{{ project_repo }}{% endraw %}:${name}
          imagePullPolicy: Always
          env:
            - name: PORT
              value: '8080'
          envFrom:
            - configMapRef:
                name: {% raw %}{{ project_name }}{% endraw %}-environment
          ports:
            - name: http
              containerPort: 8080
          readinessProbe:
            tcpSocket:
              port: http
            periodSeconds: 1
          # New requests stop coming before the application is asked to end.
          lifecycle:
            preStop:
              sleep:
                seconds: 2
---
apiVersion: v1
kind: Service
metadata:
  name: {% raw %}{{ project_name }}{% endraw %}-web
  labels:
    app: {% raw %}{{ project_name }}{% endraw %}
    component: web
    layer: application
spec:
  selector:
    app: {% raw %}{{ project_name }}{% endraw %}
    component: web
    layer: application
  ports:
    - name: http
      port: 80
      targetPort: http
`

export const setupTemplates: Readonly<Record<string, string>> = {
  '.dockerignore': '.git/\nhokusai/\n.hokusai-tmp/\nnode_modules/.cache/\n',
  'hokusai/build.yml.j2': `---
services:
  {{ project_name }}:
    build:
      context: ../
`,
  'hokusai/development.yml.j2': compose(`    ports:
      - '8080:8080'
`),
  'hokusai/test.yml.j2': compose(`    command: npm test
`),
  'hokusai/staging.yml.j2': environment('staging', 1),
  'hokusai/production.yml.j2': environment('production', 2),
}
