"""Wire types: what the API accepts and answers, validated at the edge."""
