"""The method of `doorping`: distillation (DC, DD), triggers, attacks, victims, defenses, probe."""
