#!/bin/bash
# A function made of the shell's own commands: it asks the Runtime API for events and does what they say.

host=${AWS_LAMBDA_RUNTIME_API%:*} port=${AWS_LAMBDA_RUNTIME_API#*:}

# call METHOD PATH BODY: leaves the answer's status in $status, its body in $body, and an event's headers in $id and
# $deadline. An event's answer goes in two chunks, so its BODY is longer than two characters: an empty chunk would end it.
call() {
  local line length=0
  exec 3<>"/dev/tcp/$host/$port"
  printf '%s /2018-06-01/runtime/%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n' "$1" "$2" "$host" >&3
  if [[ $2 == */response ]]; then
    printf 'Transfer-Encoding: chunked\r\n\r\n2\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n' "${3:0:2}" "$((${#3} - 2))" "${3:2}" >&3
  else
    printf 'Content-Length: %d\r\n\r\n%s' "${#3}" "$3" >&3
  fi
  read -r _ status _ <&3
  while IFS=$'\r' read -r line <&3 && [[ -n $line ]]; do
    case $line in
      content-length:*) length=${line#*: } ;;
      lambda-runtime-aws-request-id:*) id=${line#*: } ;;
      lambda-runtime-deadline-ms:*) deadline=${line#*: } ;;
    esac
  done
  IFS= read -r -d '' -n "$length" body <&3
  exec 3>&-
}

case $START in
  broken) call POST init/error '{"errorType": "Misconfigured", "errorMessage": "no table"}'; exit 1 ;;
  dead) echo "cannot go on" >&2; exit 3 ;;
esac

served=0
while call GET invocation/next ''; do
  served=$((served + 1))
  echo "event $served: $body"
  case $body in
    *answer*) call POST "invocation/$id/response" "{\"served\": $served, \"deadline\": $deadline, \"event\": $body}" ;;
    *garbage*) call POST "invocation/$id/response" 'not json' ;;
    *fail*) call POST "invocation/$id/error" '{"errorType": "Parked", "errorMessage": "one record"}' ;;
    *stray*) call POST "invocation/another/response" '{"to": "another"}'; call POST "invocation/$id/response" "{\"status\": $status}" ;;
    *exit*) exit 7 ;;
    # An open connection on which nothing ever comes.
    *hang*) exec 4<>"/dev/tcp/$host/$port"; read -r -t 20 <&4 ;;
  esac
done
