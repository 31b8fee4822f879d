import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ControllerRevision } from '#api/apps/v1/controller-revision.ts'
import { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import { HorizontalPodAutoscaler } from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import { CronJob } from '#api/batch/v1/cron-job.ts'
import { Job } from '#api/batch/v1/job.ts'
import { Lease } from '#api/coordination/v1/lease.ts'
import { ComponentStatus } from '#api/core/v1/component-status.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Endpoints } from '#api/core/v1/endpoints.ts'
import { Event } from '#api/core/v1/event.ts'
import { LimitRange } from '#api/core/v1/limit-range.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { PodTemplate } from '#api/core/v1/pod-template.ts'
import { ReplicationController } from '#api/core/v1/replication-controller.ts'
import { ResourceQuota } from '#api/core/v1/resource-quota.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { Service } from '#api/core/v1/service.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { Event as EventsEvent } from '#api/events/v1/event.ts'
import { ServiceCIDR } from '#api/networking/v1/service-cidr.ts'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import { RoleBinding } from '#api/rbac/v1/role-binding.ts'
import { PriorityClass } from '#api/scheduling/v1/priority-class.ts'
import { toTable } from '#schema/table.ts'
import { made } from '#testing/errors-of.ts'

const now = Date.parse('2026-06-01T12:00:00Z')

// biome-ignore format: a table; the cells are what upstream's printers give
const rows = [
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n"},"status":{"phase":"Pending"}}, cells: ["a","0/1","Pending","0","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n"},"status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"SchedulingGated"}]}}, cells: ["a","0/1","SchedulingGated","0","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n"},"status":{"phase":"Running","podIP":"1.2.3.4","containerStatuses":[{"name":"main","image":"x","imageID":"","ready":true,"restartCount":3,"state":{"running":{}},"lastState":{"terminated":{"exitCode":1,"finishedAt":"2026-06-01T11:55:00Z"}}}]}}, cells: ["a","1/1","Running","3 (5m ago)","3d","1.2.3.4","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n"},"status":{"phase":"Running","containerStatuses":[{"name":"main","image":"x","imageID":"","ready":false,"restartCount":2,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{}}]}}, cells: ["a","0/1","CrashLoopBackOff","2","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x"},{"name":"b","image":"x"}],"serviceAccountName":"default","nodeName":"n"},"status":{"phase":"Running","containerStatuses":[{"name":"main","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"terminated":{"exitCode":0,"reason":"Completed"}},"lastState":{}},{"name":"b","image":"x","imageID":"","ready":true,"restartCount":0,"state":{"running":{}},"lastState":{}}],"conditions":[{"type":"Ready","status":"True"}]}}, cells: ["a","1/2","Running","0","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n"},"status":{"phase":"Running","containerStatuses":[{"name":"main","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"terminated":{"exitCode":0,"reason":"Completed"}},"lastState":{}},{"name":"b","image":"x","imageID":"","ready":true,"restartCount":0,"state":{"running":{}},"lastState":{}}]}}, cells: ["a","1/1","NotReady","0","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n"},"status":{"phase":"Running","containerStatuses":[{"name":"main","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"terminated":{"exitCode":0,"reason":"Completed"}},"lastState":{}},{"name":"b","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"terminated":{"exitCode":2,"reason":"Error"}},"lastState":{}}]}}, cells: ["a","0/1","Error","0","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n"},"status":{"phase":"Failed","containerStatuses":[{"name":"main","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"terminated":{"exitCode":3}},"lastState":{}}]}}, cells: ["a","0/1","ExitCode:3","0","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n"},"status":{"phase":"Failed","reason":"Evicted"}}, cells: ["a","0/1","Evicted","0","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n"},"status":{"phase":"Failed","containerStatuses":[{"name":"main","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"terminated":{"exitCode":3,"signal":9}},"lastState":{}}]}}, cells: ["a","0/1","Signal:9","0","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z","deletionTimestamp":"2026-06-01T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n"},"status":{"phase":"Succeeded"}}, cells: ["a","0/1","Succeeded","0","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z","deletionTimestamp":"2026-06-01T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n"},"status":{"phase":"Running"}}, cells: ["a","0/1","Terminating","0","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z","deletionTimestamp":"2026-06-01T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n"},"status":{"phase":"Running","reason":"NodeLost"}}, cells: ["a","0/1","Unknown","0","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n","initContainers":[{"name":"i","image":"x"},{"name":"s","image":"x","restartPolicy":"Always"},{"name":"j","image":"x"}]},"status":{"phase":"Pending","initContainerStatuses":[{"name":"i","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"running":{}},"lastState":{}}]}}, cells: ["a","0/2","Init:0/3","0","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n","initContainers":[{"name":"i","image":"x"},{"name":"s","image":"x","restartPolicy":"Always"},{"name":"j","image":"x"}]},"status":{"phase":"Pending","initContainerStatuses":[{"name":"i","image":"x","imageID":"","ready":false,"restartCount":4,"state":{"terminated":{"exitCode":1,"reason":"Error"}},"lastState":{}}]}}, cells: ["a","0/2","Init:Error","4","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n","initContainers":[{"name":"i","image":"x"},{"name":"s","image":"x","restartPolicy":"Always"},{"name":"j","image":"x"}]},"status":{"phase":"Pending","initContainerStatuses":[{"name":"i","image":"x","imageID":"","ready":false,"restartCount":1,"state":{"terminated":{"exitCode":0}},"lastState":{}},{"name":"s","image":"x","imageID":"","ready":true,"restartCount":2,"state":{"running":{}},"lastState":{"terminated":{"exitCode":1,"finishedAt":"2026-06-01T11:59:00Z"}},"started":true},{"name":"j","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePullBackOff"}},"lastState":{}}]}}, cells: ["a","1/2","Init:ImagePullBackOff","3 (60s ago)","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n","initContainers":[{"name":"i","image":"x"},{"name":"s","image":"x","restartPolicy":"Always"},{"name":"j","image":"x"}]},"status":{"phase":"Running","initContainerStatuses":[{"name":"i","image":"x","imageID":"","ready":false,"restartCount":1,"state":{"terminated":{"exitCode":0}},"lastState":{}},{"name":"s","image":"x","imageID":"","ready":true,"restartCount":2,"state":{"running":{}},"lastState":{"terminated":{"exitCode":1,"finishedAt":"2026-06-01T11:59:00Z"}},"started":true},{"name":"j","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"terminated":{"exitCode":0}},"lastState":{}}],"containerStatuses":[{"name":"main","image":"x","imageID":"","ready":true,"restartCount":1,"state":{"running":{}},"lastState":{}}]}}, cells: ["a","2/2","Running","3 (60s ago)","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n","initContainers":[{"name":"i","image":"x"},{"name":"s","image":"x","restartPolicy":"Always"},{"name":"j","image":"x"}]},"status":{"phase":"Pending","initContainerStatuses":[{"name":"i","image":"x","imageID":"","ready":false,"restartCount":0,"state":{"waiting":{"reason":"PodInitializing"}},"lastState":{}}]}}, cells: ["a","0/2","Init:0/3","0","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n","initContainers":[{"name":"i","image":"x"},{"name":"s","image":"x","restartPolicy":"Always"},{"name":"j","image":"x"}]},"status":{"phase":"Running","initContainerStatuses":[{"name":"i","image":"x","imageID":"","ready":false,"restartCount":9,"state":{"running":{}},"lastState":{}}],"containerStatuses":[{"name":"main","image":"x","imageID":"","ready":true,"restartCount":0,"state":{"running":{}},"lastState":{}}],"conditions":[{"type":"Initialized","status":"True"}]}}, cells: ["a","1/2","Init:0/3","0","3d","<none>","n","<none>","<none>"] },
  { kind: Pod, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"containers":[{"name":"main","image":"x:1"}],"serviceAccountName":"default","nodeName":"n","readinessGates":[{"conditionType":"g"},{"conditionType":"h"}]},"status":{"phase":"Running","nominatedNodeName":"q","conditions":[{"type":"g","status":"True"}]}}, cells: ["a","0/1","Running","0","3d","<none>","n","q","1/2"] },
  { kind: Service, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"ports":[{"port":80,"nodePort":30000},{"port":81,"protocol":"UDP"}],"clusterIP":"1.2.3.4","clusterIPs":["1.2.3.4"],"ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","type":"LoadBalancer","selector":{"b":"c","a":"d"}},"status":{"loadBalancer":{"ingress":[{"ip":"9.9.9.9"},{"hostname":"a.b"}]}}}, cells: ["a","LoadBalancer","1.2.3.4","9.9.9.9,a.b","80:30000/TCP,81/UDP","3d","a=d,b=c"] },
  { kind: Service, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"ports":[{"port":80}],"type":"LoadBalancer"}}, cells: ["a","LoadBalancer","<none>","<pending>","80/TCP","3d","<none>"] },
  { kind: Service, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"ports":[],"type":"ExternalName","externalName":"a.b"}}, cells: ["a","ExternalName","<none>","a.b","<none>","3d","<none>"] },
  { kind: Service, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"ports":[{"port":80}],"type":"NodePort","externalIPs":["1.1.1.1","2.2.2.2"]}}, cells: ["a","NodePort","<none>","1.1.1.1,2.2.2.2","80/TCP","3d","<none>"] },
  { kind: Service, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"ports":[{"port":80}]}}, cells: ["a","ClusterIP","<none>","<none>","80/TCP","3d","<none>"] },
  { kind: Node, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z","labels":{"node-role.kubernetes.io/worker":"","kubernetes.io/role":"b","node-role.kubernetes.io/":""}},"spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"True"}],"addresses":[{"type":"InternalIP","address":"1.2.3.4"}],"nodeInfo":{"kubeletVersion":"v1.36.0","kernelVersion":"6","architecture":"amd64"}}}, cells: ["a","Ready,SchedulingDisabled","b,worker","3d","v1.36.0","1.2.3.4","<none>","<unknown>","6 (amd64)","<unknown>"] },
  { kind: Node, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"}}, cells: ["a","Unknown","<none>","3d","","<none>","<none>","<unknown>","<unknown>","<unknown>"] },
  { kind: Deployment, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"selector":{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"c","operator":"In","values":["y","x"]},{"key":"d","operator":"Exists"},{"key":"e","operator":"DoesNotExist"},{"key":"f","operator":"NotIn","values":["z"]}]},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}},"status":{"readyReplicas":1,"updatedReplicas":2}}, cells: ["a","1/1",2,0,"3d","main","x","a=b,c in (x,y),d,!e,f notin (z)"] },
  { kind: ReplicaSet, object: {"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, cells: ["a",1,0,0,"151d","main","x","a=b"] },
  { kind: ReplicaSet, object: {"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"selector":{},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, cells: ["a",1,0,0,"151d","main","x","<none>"] },
  { kind: ReplicationController, object: {"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},"spec":{"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}}, cells: ["a",1,0,0,"151d","main","x","a=b"] },
  { kind: ConfigMap, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"data":{"a":""},"binaryData":{"b":""}}, cells: ["a",2,"3d"] },
  { kind: Secret, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"data":{"a":""}}, cells: ["a","Opaque",1,"3d"] },
  { kind: ServiceAccount, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"}}, cells: ["a","3d"] },
  { kind: Namespace, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"}}, cells: ["a","Active","3d"] },
  { kind: Endpoints, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"subsets":[{"addresses":[{"ip":"1.1.1.1"},{"ip":"::1"}],"ports":[{"port":80},{"port":81}]}]}, cells: ["a","1.1.1.1:80,[::1]:80,1.1.1.1:81 + 1 more...","3d"] },
  { kind: Endpoints, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"}}, cells: ["a","<none>","3d"] },
  { kind: Endpoints, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"subsets":[{"addresses":[{"ip":"1.1.1.1"}]}]}, cells: ["a","1.1.1.1","3d"] },
  { kind: EndpointSlice, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"addressType":"IPv4","endpoints":[{"addresses":["1","2"]},{"addresses":["3","4"]}],"ports":[{"port":80},{"name":"x"},{}]}, cells: ["a","IPv4","80,x,","1,2,3 + 1 more...","3d"] },
  { kind: EndpointSlice, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"addressType":"IPv4","endpoints":[]}, cells: ["a","IPv4","<unset>","<unset>","3d"] },
  { kind: Event, object: {"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},"involvedObject":{"kind":"Pod","name":"p","fieldPath":"x"},"reason":"R","message":" m ","type":"Normal","firstTimestamp":"2026-06-01T11:50:00Z","lastTimestamp":"2026-06-01T11:59:00Z","count":3,"source":{"component":"c","host":"h"}}, cells: ["60s","Normal","R","pod/p","x","c, h","m","10m",3,"a"] },
  { kind: Event, object: {"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},"involvedObject":{"kind":"Pod"},"eventTime":"2026-01-01T00:00:00.000000Z","reportingComponent":"rc"}, cells: ["151d","","","pod","","rc","","151d",1,"a"] },
  { kind: Event, object: {"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},"involvedObject":{},"series":{"count":5,"lastObservedTime":"2026-01-01T00:00:00.000000Z"}}, cells: ["151d","","","","","","","<unknown>",5,"a"] },
  { kind: EventsEvent, object: {"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},"regarding":{"kind":"Pod","name":"x"},"note":"n","reportingController":"k","reportingInstance":"i","type":"Warning","eventTime":"2026-01-01T00:00:00.000000Z"}, cells: ["151d","Warning","","pod/x","","k, i","n","151d",1,"a"] },
  { kind: Lease, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"holderIdentity":"h"}}, cells: ["a","h","3d"] },
  { kind: RoleBinding, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"roleRef":{"kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"u"},{"kind":"User","name":"v"},{"kind":"Group","name":"g"},{"kind":"ServiceAccount","name":"s","namespace":"n"}]}, cells: ["a","Role/r","3d","u, v","g","n/s"] },
  { kind: PriorityClass, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"value":5}, cells: ["a",5,false,"3d","PreemptLowerPriority"] },
  { kind: ServiceCIDR, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"cidrs":["a","b"]}}, cells: ["a","a,b","3d"] },
  { kind: StatefulSet, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}},"status":{"readyReplicas":1}}, cells: ["a","1/1","3d","main","x"] },
  { kind: DaemonSet, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}],"nodeSelector":{"n":"m"}}}},"status":{"desiredNumberScheduled":3,"currentNumberScheduled":2,"numberReady":1}}, cells: ["a",3,2,1,0,0,"n=m","3d","main","x","a=b"] },
  { kind: ControllerRevision, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z","ownerReferences":[{"apiVersion":"apps/v1","kind":"DaemonSet","name":"d","uid":"u","controller":true}]},"data":{},"revision":4}, cells: ["a","daemonset.apps/d",4,"3d"] },
  { kind: Job, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"spec":{"containers":[{"name":"main","image":"x"}]}}},"status":{"succeeded":1,"startTime":"2026-05-29T12:00:00Z","completionTime":"2026-05-29T12:01:00Z","conditions":[{"type":"Complete","status":"True"}]}}, cells: ["a","Complete","1/1","60s","3d","main","x","a=b"] },
  { kind: Job, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"parallelism":2,"suspend":true,"template":{"spec":{"containers":[{"name":"main","image":"x"}]}}},"status":{"conditions":[{"type":"Suspended","status":"True"}]}}, cells: ["a","Suspended","0/1 of 2","","3d","main","x","<none>"] },
  { kind: CronJob, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"schedule":"@daily","jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"x"}]}}}}},"status":{"active":[{}],"lastScheduleTime":"2026-06-01T11:59:00Z"}}, cells: ["a","@daily","<none>","False",1,"60s","3d","main","x","<none>"] },
  { kind: HorizontalPodAutoscaler, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d"},"maxReplicas":3},"status":{"currentReplicas":2,"currentMetrics":[{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":12}}}]}}, cells: ["a","Deployment/d","cpu: 12%/80%","1",3,2,"3d"] },
  { kind: PodDisruptionBudget, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"minAvailable":"50%"},"status":{"disruptionsAllowed":1}}, cells: ["a","50%","N/A",1,"3d"] },
  { kind: PersistentVolume, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteMany","ReadWriteOnce"],"claimRef":{"namespace":"n","name":"c"},"storageClassName":"s"},"status":{"phase":"Bound"}}, cells: ["a","1Gi","RWO,RWX","Retain","Bound","n/c","s","<unset>","","3d","Filesystem"] },
  { kind: PersistentVolumeClaim, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"volumeName":"v"},"status":{"phase":"Bound","capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOncePod"]}}, cells: ["a","Bound","v","1Gi","RWOP","","<unset>","3d","Filesystem"] },
  { kind: PersistentVolumeClaim, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"spec":{"storageClassName":"s"}}, cells: ["a","Pending","","","","s","<unset>","3d","Filesystem"] },
  { kind: LimitRange, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"}}, cells: ["a","2026-05-29T12:00:00Z"] },
  { kind: ResourceQuota, object: {"metadata":{"creationTimestamp":"2026-05-29T12:00:00Z"},"status":{"hard":{"pods":"2","limits.cpu":"1","cpu":"3"},"used":{"pods":"1"}}}, cells: ["a","cpu: 0/3, pods: 1/2","limits.cpu: 0/1","3d"] },
  { kind: PodTemplate, object: {"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"main","image":"x"}]}}}, cells: ["a","main","x","a=b"] },
  { kind: ComponentStatus, object: {"conditions":[{"type":"Healthy","status":"True","message":"ok"}]}, cells: ["a","Healthy","ok",""] },
]

for (const { kind, object, cells } of rows) {
  test(`columns of ${kind.apiVersion} ${kind.kind} show ${cells.join(' ')}`, () => {
    const { rows } = toTable(kind, [made<any>(kind, object)], { now })
    assert.deepEqual(rows[0]?.cells, cells)
  })
}

test('rows of pods that have ended say so', () => {
  const conditions = (phase: string) => toTable(Pod, [made(Pod, { status: { phase } })], { now }).rows[0]?.conditions
  const completed = { type: 'Completed', status: 'True' }
  assert.deepEqual(conditions('Succeeded'), [
    { ...completed, reason: 'Succeeded', message: 'The pod has completed successfully.' },
  ])
  assert.deepEqual(conditions('Failed'), [{ ...completed, reason: 'Failed', message: 'The pod failed.' }])
  assert.equal(conditions('Running'), undefined)
})
