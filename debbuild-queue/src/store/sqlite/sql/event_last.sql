SELECT coalesce(max(place), 0) AS place FROM event;
