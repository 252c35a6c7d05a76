
image={{ container.name }}
if ! command -v docker >/dev/null; then
  say "step 5/6 packages docker"
  if command -v dnf >/dev/null; then packages docker; else packages docker.io; fi
fi
systemctl enable --now docker.service
say "step 5/6 pull $image"
give_up=$((SECONDS + {{ fetch_seconds }}))
until said=$(docker pull --quiet "$image" 2>&1); do
  last=${said##*$'\n'}
  case $last in
    *"manifest unknown"* | *"not found"* | *denied* | *unauthorized* | *"no matching manifest"*) give_up=0 ;;
  esac
  [ "$SECONDS" -lt "$give_up" ] || fail "worker.container: $image cannot be pulled: $last"
  sleep 2
done
{#- Only what is left of one that was killed has its name. Its network is the instance's: no proxy is measured. What the container is
    to find in its environment (PATH, DOCKER_HOST) is in that of the shell and of docker too, and decides nothing there. #}
printf '#!/bin/bash -p\ndocker=(%q --host unix:///run/docker.sock --config /etc/docker)\n' "$(command -v docker)" >"$own/{{ role }}"
cat >>"$own/{{ role }}" <<'RUN'
"${docker[@]}" rm --force clusterbench-{{ role }} >/dev/null 2>&1
exec "${docker[@]}" run --rm --name clusterbench-{{ role }} --network host --read-only --tmpfs /tmp --cap-drop ALL \
  --security-opt no-new-privileges --pull never{% for name in container.variables %} --env {{ name }}{% endfor %} \
  {{ container.name }} "$@"
RUN
chmod 0755 "$own/{{ role }}"
